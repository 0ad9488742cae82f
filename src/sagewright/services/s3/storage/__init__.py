"""Bytes on disk: bodies in, verified and hashed; spans out."""

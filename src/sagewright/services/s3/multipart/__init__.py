"""Multipart uploads, from their creation to the object they become."""

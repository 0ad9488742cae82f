"""Buckets and their settings."""

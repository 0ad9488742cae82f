"""Factorization machines: see README.md."""

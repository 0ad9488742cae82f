"""Loops over bytes, addresses and vectors, compiled by numba. They know nothing of training jobs."""

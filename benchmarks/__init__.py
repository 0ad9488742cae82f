"""Benchmarks: each prints the ratio to its peer, measured in the same run."""

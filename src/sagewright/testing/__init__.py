"""Shipped test tools: contract suites for stores, backends and algorithms, and a real server as a fixture."""

"""Leaf types that every other room may use: errors, clock, ids, ARNs, life cycles."""

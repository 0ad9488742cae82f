"""Processing jobs: what users of the API see of them, and their workloads."""

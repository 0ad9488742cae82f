"""Training jobs: what the API takes and shows, and what makes them run."""

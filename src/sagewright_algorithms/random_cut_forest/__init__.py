"""Random Cut Forest: see README.md."""

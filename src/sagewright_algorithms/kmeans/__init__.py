"""K-means: see README.md."""

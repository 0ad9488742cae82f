"""Linear learner: see README.md."""

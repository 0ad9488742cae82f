"""Automatic model tuning: what the API takes and shows, and what launches and judges the training jobs."""

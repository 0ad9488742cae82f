"""What jobs of every kind share: their instances, their log, their metrics."""

"""The optimiser behind automatic model tuning: from the trials so far to the hyperparameters of the next ones.

A process of its own, so that the platform need not load numeric libraries; it imports nothing of the other packages.
"""

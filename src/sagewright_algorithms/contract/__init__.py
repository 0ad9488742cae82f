"""What every algorithm shares: /opt/ml, hyperparameters, channels, metrics, errors, training and serving processes."""

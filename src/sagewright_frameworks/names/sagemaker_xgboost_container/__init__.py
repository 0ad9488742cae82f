"""Names of https://github.com/aws/sagemaker-xgboost-container."""

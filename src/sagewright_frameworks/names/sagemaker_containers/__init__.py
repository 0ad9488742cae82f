"""Names of https://github.com/aws/sagemaker-containers."""

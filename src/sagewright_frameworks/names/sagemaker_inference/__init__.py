"""Names of https://github.com/aws/sagemaker-inference-toolkit."""

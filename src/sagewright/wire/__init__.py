"""botocore's service models to and from HTTP."""

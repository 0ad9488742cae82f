"""One folder an AWS service, by botocore's id; files by noun."""

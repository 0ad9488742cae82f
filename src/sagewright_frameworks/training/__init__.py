"""AWS's training toolkit: a user's script, its source, its requirements, its environment and its end.

https://github.com/aws/sagemaker-training-toolkit
"""

"""Serving as AWS's inference toolkits do it: the user's functions around a model, with defaults for each framework.

``start`` answers HTTP and hands requests to the processes of ``pool``, each of which (``worker``) holds the model and
runs the user's code in its main thread. https://github.com/aws/sagemaker-inference-toolkit
"""

"""Sagewright: the Amazon SageMaker API and its built-in algorithms on your own machine."""

__version__ = "0.1.0"

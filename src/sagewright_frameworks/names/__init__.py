"""AWS's own modules by their names, for scripts that import them: ``source.NAMES``.

What AWS's published examples use of them is here, over the toolkit's own functions; where the real packages are
installed, those are found first when serving. https://github.com/aws/sagemaker-inference-toolkit,
https://github.com/aws/sagemaker-containers, https://github.com/aws/sagemaker-xgboost-container
"""

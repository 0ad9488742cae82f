"""FrameworkSuite: what the containers of script mode do around users' code, checked through their command line alone.

Subclass it, and say what only the author of a framework's container can know::

    class TestScikitLearn(FrameworkSuite):
        name = "scikit-learn"
        module = "sklearn"
        title = "scikit-learn"
        image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:0.23-1-cpu-py3"
"""

from __future__ import annotations

from sagewright.testing.framework_serving import FrameworkServingSuite
from sagewright.testing.framework_training import FrameworkTrainingSuite


class FrameworkSuite(FrameworkTrainingSuite, FrameworkServingSuite):
    """All of it; each half says what its author supplies."""

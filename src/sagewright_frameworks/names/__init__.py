"""AWS's own modules by their names, for scripts that import them: this folder goes to the end of a script's path.

What AWS's published examples use of them is here, over the toolkit's own functions; where the real packages are
installed, those are found first when serving. https://github.com/aws/sagemaker-inference-toolkit,
https://github.com/aws/sagemaker-containers, https://github.com/aws/sagemaker-xgboost-container
"""

from __future__ import annotations

import os

FOLDER = os.path.dirname(__file__)

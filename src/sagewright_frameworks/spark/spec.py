"""The Spark container as data."""

from __future__ import annotations

from typing import Any

from sagewright_frameworks.spec import FrameworkSpec, Image


class SparkSpec(FrameworkSpec):
    """It neither trains nor serves: jobs name its ``smspark-submit`` as their entry point."""

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "command": {"setup": ["-m", "sagewright_frameworks.spark", "setup"]}}


SPARK = SparkSpec(
    "spark",
    "Apache Spark",
    (Image("sagemaker-spark-processing", r"(?P<version>\d+(\.\d+)+)-cpu(-py\d+)?(-v[\w.-]+)?"),),
    "pyspark",
    "'sagewright[spark]'",
)

"""The @remote decorator of the SageMaker Python SDK v2. No endpoint is named."""

from __future__ import annotations

import os

from sagemaker.remote_function import RemoteExecutor, remote
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
IMAGE = "081325390199.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"
"""The SDK asks for this one by itself on Python 3.10 and 3.8 only."""
SETTINGS = {"role": ROLE, "instance_type": "ml.m5.large", "image_uri": IMAGE}


class Refused(Exception):
    """The user's own."""


@remote(**SETTINGS)
def divide(a, b):
    print(f"dividing {a} by {b}")
    return {"quotient": a / b, "job": os.environ["TRAINING_JOB_NAME"]}


@remote(**SETTINGS)
def refuse(reason):
    raise Refused(reason)


def step_a_value_comes_back():
    found = divide(7, b=2)
    assert found["quotient"] == 3.5
    assert found["job"].startswith("divide-")
    assert "TRAINING_JOB_NAME" not in os.environ


def step_an_exception_comes_back():
    assert "division by zero" in error_of(lambda: divide(1, 0), ZeroDivisionError)
    assert error_of(lambda: refuse("not today"), Refused) == "not today"


def step_an_executor_runs_several():
    with RemoteExecutor(max_parallel_jobs=2, **SETTINGS) as executor:
        futures = [executor.submit(pow, number, 2) for number in (3, 4)]
        assert [future.result() for future in futures] == [9, 16]


if __name__ == "__main__":
    main(globals())

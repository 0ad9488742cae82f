"""Why a job fails, and whose fault it is: the prefix of SageMaker's FailureReason.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

from __future__ import annotations


class AlgorithmFailure(Exception):
    """The base of both; never raised itself."""

    def __str__(self) -> str:
        return f"{type(self).__name__}: {super().__str__()}"


class ClientError(AlgorithmFailure):
    """The user's fault: a hyperparameter, a channel, the data. The text says which one and where."""


class AlgorithmError(AlgorithmFailure):
    """Ours."""


def failure_of(error: BaseException) -> AlgorithmFailure:
    """Any error as a FailureReason."""
    if isinstance(error, AlgorithmFailure):
        return error
    if isinstance(error, MemoryError):
        return ClientError("Out of memory. Please use a larger instance or less data.")
    return AlgorithmError(f"{type(error).__name__}: {error}")


class RequestError(Exception):
    """An inference request that gets an HTTP error.

    status: the HTTP status code; the text is the response's body.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

"""What handlers raise: an error with a status is answered with it."""

from sagewright_frameworks.serving.encoding import UnsupportedFormatError

__all__ = ["BaseInferenceToolkitError", "GenericInferenceToolkitError", "UnsupportedFormatError"]


class BaseInferenceToolkitError(Exception):
    """status_code: HTTP's. message: how the answer's body begins."""

    def __init__(self, status_code: int, message: str, phrase: str) -> None:
        super().__init__(status_code, message, phrase)
        self.status_code, self.message, self.phrase = status_code, message, phrase


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """One without a phrase of its own."""

    def __init__(self, status_code: int, message: str = "Invalid Request", phrase: str | None = None) -> None:
        super().__init__(status_code, message, phrase or message)

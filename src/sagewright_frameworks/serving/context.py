"""What the user's functions may ask about the request, as the context of Multi Model Server and TorchServe has it.

https://github.com/awslabs/multi-model-server/blob/master/docs/custom_service.md
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class RequestProcessor:
    """One request's headers, and what its answer's are to be."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._lower = {name.lower(): value for name, value in headers.items()}
        self.answer_headers: dict[str, str] = {}
        self.status = 200
        self.phrase = ""

    def get_request_properties(self) -> dict[str, str]:
        return dict(self._headers)

    def get_request_property(self, key: str) -> str | None:
        return self._lower.get(key.lower())

    def add_response_property(self, key: str, value: str) -> None:
        self.answer_headers[key] = value

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        self.status, self.phrase = code, reason_phrase or ""


class Context:
    """Of the model, and of the request that is under way. folder: where the model is."""

    def __init__(self, folder: Path, gpus: int = 0) -> None:
        self.model_name = "model"
        self.manifest: dict[str, object] = {}
        self.system_properties: dict[str, object] = {
            "model_dir": str(folder),
            "gpu_id": 0 if gpus else None,
            "batch_size": 1,
            "server_name": "sagewright",
        }
        self.request_processor: list[RequestProcessor] = [RequestProcessor({})]

    def begin(self, headers: Mapping[str, str]) -> RequestProcessor:
        """Of the next request."""
        self.request_processor = [RequestProcessor(headers)]
        return self.request_processor[0]

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx: int) -> dict[str, str]:
        return self.request_processor[idx].get_request_properties()

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.request_processor[idx].report_status(code, phrase)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        self.set_response_status(code, phrase)

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.set_response_header(idx, "Content-Type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        return self.get_response_headers(idx).get("Content-Type")

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.request_processor[idx].add_response_property(key, value)

    def get_response_headers(self, idx: int) -> dict[str, str]:
        return self.request_processor[idx].answer_headers

"""The channels, requests and responses of AWS's algorithms on tables: recordio-protobuf and CSV.

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sagewright_algorithms.contract.spec import ChannelSpec

TRAINING_FORMATS: Mapping[str, str] = {"application/x-recordio-protobuf": "recordio-protobuf", "text/csv": "csv"}
REQUEST_FORMATS: Mapping[str, str] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/jsonlines": "jsonlines",
    "application/x-recordio-protobuf": "recordio-protobuf",
}
RESPONSE_FORMATS = REQUEST_FORMATS
"""Accepted type -> format; an algorithm may have fewer."""


def table_channel(name: str, *, required: bool = False) -> ChannelSpec:
    """The SageMaker SDK says of its record sets no content type."""
    return ChannelSpec(
        name,
        TRAINING_FORMATS,
        default_content_type="application/x-recordio-protobuf",
        required=required,
        input_modes=("File", "FastFile", "Pipe"),
        pipe_formats=tuple(TRAINING_FORMATS.values()),
    )

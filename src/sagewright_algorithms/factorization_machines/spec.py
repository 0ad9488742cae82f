"""Factorization machines as data: images, channels, metrics, content types."""

from __future__ import annotations

from collections.abc import Iterator

from sagewright_algorithms.contract.first_party import FirstParty
from sagewright_algorithms.contract.registries import FIRST_PARTY
from sagewright_algorithms.contract.spec import AlgorithmSpec, ChannelSpec, Image, Inference, Metric
from sagewright_algorithms.factorization_machines.hyperparameters import HYPERPARAMETERS, RULES

ALGORITHM = "factorization-machines"
"""As the structured metrics name it."""

FORMATS = {
    "application/json": "json",
    "application/jsonlines": "jsonlines",
    "application/x-recordio-protobuf": "recordio-protobuf",
}
"""Of requests and responses. AWS's container takes no CSV."""

_RECORDS = "application/x-recordio-protobuf"
_LINE = r"#quality_metric: host=\S+, "
_EPOCH, _BATCH = r"epoch=\S+, ", r"epoch=\S+, batch=\S+ "
# Name -> what the line says of it, and whether it is a loss.
_METRICS = {
    "rmse": ("rmse", True),
    "binary_classification_accuracy": ("binary_classification_accuracy", False),
    "binary_classification_cross_entropy": ("binary_classification_cross_entropy", True),
    "binary_f_beta": (r"binary_f_1.000", False),
}


def _channel(name: str, *, required: bool = False) -> ChannelSpec:
    return ChannelSpec(
        name,
        {_RECORDS: FORMATS[_RECORDS]},
        default_content_type=_RECORDS,
        required=required,
        input_modes=("File", "FastFile", "Pipe"),
        pipe_formats=(FORMATS[_RECORDS],),
    )


def _metrics() -> Iterator[Metric]:
    for name, (token, loss) in _METRICS.items():
        kind, direction = ("loss", "Minimize") if loss else ("score", "Maximize")
        for channel, suffix, at in (
            ("test", "", ""),
            ("train", "", ""),
            ("train", ":epoch", _EPOCH),
            ("train", ":batch", _BATCH),
        ):
            yield Metric(f"{channel}:{name}{suffix}", rf"{_LINE}{at}{channel} {token} <{kind}>=(\S+)", direction)
    yield Metric("train:progress", r"#progress_metric: host=\S+, completed (\S+) %", "Maximize")
    yield Metric("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second", "Maximize")


SPEC = AlgorithmSpec(
    name="factorization-machines",
    package="factorization_machines",
    images=(Image("factorization-machines", tags=("1", "latest"), registries=FIRST_PARTY),),
    hyperparameters=HYPERPARAMETERS,
    channels=(_channel("train", required=True), _channel("test")),
    metrics=tuple(_metrics()),
    inference=Inference(
        requests=FORMATS,
        accepts=tuple(FORMATS),
        default_request="application/json",
        default_accept="application/json",
    ),
    rules=RULES,
    gpu=True,
    distributed=True,
    first_party=FirstParty(
        ALGORITHM,
        {
            "_kvstore": "auto",
            "_log_level": "info",
            "_num_gpus": "auto",
            "_num_kv_servers": "auto",
            "_tuning_objective_metric": "",
        },
    ),
)

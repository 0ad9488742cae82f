"""IP Insights as data: images, hyperparameters, channels, metrics, content types.

https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-hyperparameters.html
"""

from __future__ import annotations

from typing import Any

from sagewright_algorithms.contract.first_party import FirstParty
from sagewright_algorithms.contract.hyperparameters import Continuous, Hyperparameter, Integer, Interval, Tunable
from sagewright_algorithms.contract.registries import FIRST_PARTY
from sagewright_algorithms.contract.spec import AlgorithmSpec, ChannelSpec, Image, Inference, Metric
from sagewright_algorithms.ip_insights.rules import RULES

ALGORITHM = "AWS/IPInsights"
"""As the structured metrics name it."""

HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    Integer(
        "num_entity_vectors",
        "The vectors that entities are hashed to; about twice as many as entities",
        required=True,
        tunable=Tunable(10_000, 1_000_000),
        range=Interval(1, 250_000_000),
    ),
    Integer(
        "vector_dim",
        "The size of the vectors of entities and addresses",
        required=True,
        tunable=Tunable(8, 256),
        range=Interval(4, 4096),
    ),
    Integer(
        "batch_metrics_publish_interval",
        "The mini-batches from one publication of the speed and the metrics to the next",
        default="1000",
        range=Interval(1),
    ),
    Integer("epochs", "The passes over the training data", default="10", tunable=Tunable(1, 100), range=Interval(1)),
    Continuous(
        "learning_rate",
        "The learning rate of Adam",
        default="0.001",
        tunable=Tunable(1e-4, 0.1),
        range=Interval(1e-6, 10.0),
    ),
    Integer(
        "mini_batch_size",
        "The records of a mini-batch",
        default="10000",
        tunable=Tunable(100, 50_000),
        range=Interval(1, 500_000),
    ),
    Integer(
        "num_ip_encoder_layers",
        "The fully connected layers of the encoder of addresses",
        default="1",
        tunable=Tunable(1, 10),
        range=Interval(0, 100),
    ),
    Integer(
        "random_negative_sampling_rate",
        "The random addresses that each record's entity is told apart from",
        default="1",
        tunable=Tunable(0, 10),
        range=Interval(0, 500),
    ),
    Integer(
        "shuffled_negative_sampling_rate",
        "The addresses of other records of the mini-batch that each record's entity is told apart from",
        default="1",
        tunable=Tunable(0, 10),
        range=Interval(0, 500),
    ),
    Continuous(
        "weight_decay",
        "The coefficient of L2 regularization",
        default="0.00001",
        tunable=Tunable(0.0, 1.0),
        range=Interval(0.0, 10.0),
    ),
)

DEFAULTS: dict[str, Any] = {row.name: row.parse(row.default) for row in HYPERPARAMETERS if row.default is not None}
"""What an unset hyperparameter is, parsed."""

ACCURACY, ENTROPY, AUC = "binary_classification_accuracy", "binary_classification_cross_entropy", "discriminator_auc"

_LINE = r"#quality_metric: host=\S+, epoch=\S+,"


def _channel(name: str, *, required: bool = False) -> ChannelSpec:
    """The SageMaker SDK says of its record sets no content type. AWS's container has File mode only."""
    return ChannelSpec(
        name,
        {"text/csv": "csv"},
        default_content_type="text/csv",
        required=required,
        input_modes=("File", "FastFile", "Pipe"),
        pipe_formats=("csv",),
    )


SPEC = AlgorithmSpec(
    name="ipinsights",
    package="ip_insights",
    images=(Image("ipinsights", tags=("1", "latest"), registries=FIRST_PARTY),),
    hyperparameters=HYPERPARAMETERS,
    channels=(_channel("train", required=True), _channel("validation")),
    metrics=(
        Metric(f"validation:{AUC}", rf"{_LINE} validation {AUC} <score>=(\S+)", "Maximize"),
        Metric(f"train:{ACCURACY}", rf"{_LINE} batch=\S+ train {ACCURACY} <score>=(\S+)", "Maximize"),
        Metric(f"train:{ACCURACY}:epoch", rf"{_LINE} train {ACCURACY} <score>=(\S+)", "Maximize"),
        Metric(f"train:{ENTROPY}", rf"{_LINE} batch=\S+ train {ENTROPY} <loss>=(\S+)", "Minimize"),
        Metric(f"train:{ENTROPY}:epoch", rf"{_LINE} train {ENTROPY} <loss>=(\S+)", "Minimize"),
        Metric("train:progress", r"#progress_metric: host=\S+, completed (\S+) %", "Maximize"),
        Metric("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second", "Maximize"),
    ),
    inference=Inference(
        requests={"text/csv": "csv", "application/json": "json", "application/jsonlines": "jsonlines"},
        accepts=("application/json", "application/jsonlines"),
        default_request="text/csv",
        default_accept="application/json",
        verbose=("entity_embedding", "ip_embedding"),
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

"""PCA as data: images, hyperparameters, channels, metrics, content types.

https://docs.aws.amazon.com/sagemaker/latest/dg/PCA-reference.html; defaults as AWS's container prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.first_party import FirstParty
from sagewright_algorithms.contract.hyperparameters import Boolean, Categorical, Hyperparameter, Integer, Interval
from sagewright_algorithms.contract.registries import FIRST_PARTY
from sagewright_algorithms.contract.spec import AlgorithmSpec, Image, Inference, Metric
from sagewright_algorithms.contract.tables import REQUEST_FORMATS, table_channel

HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    Integer("feature_dim", "The number of features", required=True, range=Interval(1)),
    Integer("mini_batch_size", "The rows of a mini-batch", required=True, range=Interval(1)),
    Integer("num_components", "The principal components to compute", required=True, range=Interval(1)),
    Categorical(
        "algorithm_mode",
        "How the components are computed: exactly, or by an approximation for many features",
        default="regular",
        values=("regular", "randomized"),
    ),
    Integer(
        "extra_components",
        "Components that randomized mode computes besides, for accuracy; -1: the larger of 10 and num_components",
        default="-1",
        range=Interval(-1),
    ),
    Boolean("subtract_mean", "Whether the data is centred, in training and at inference", default="true"),
    Integer("epochs", "The passes over the training data", default="1", range=Interval(1)),
    Boolean("force_dense", "Whether sparse rows are made dense", default="true"),
)

DEFAULTS: dict[str, Any] = {row.name: row.parse(row.default) for row in HYPERPARAMETERS if row.default is not None}
"""What an unset hyperparameter is, parsed."""


def _components(values: Mapping[str, Any]) -> None:
    if values["num_components"] > values["feature_dim"]:
        raise ClientError(
            f"num_components must not be larger than feature_dim = {values['feature_dim']}, found "
            f"{values['num_components']}"
        )


SPEC = AlgorithmSpec(
    name="pca",
    package="pca",
    images=(Image("pca", tags=("1", "latest"), registries=FIRST_PARTY),),
    hyperparameters=HYPERPARAMETERS,
    channels=(table_channel("train", required=True), table_channel("test")),
    metrics=(
        Metric("train:progress", r"#progress_metric: host=\S+, completed (\S+) %", "Maximize"),
        Metric("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second", "Maximize"),
    ),
    inference=Inference(
        requests=REQUEST_FORMATS,
        accepts=("application/json", "application/jsonlines", "application/x-recordio-protobuf"),
        default_request="text/csv",
        default_accept="application/json",
    ),
    rules=(_components,),
    gpu=True,
    distributed=True,
    first_party=FirstParty(
        "PCA", {"_kvstore": "dist_sync", "_log_level": "info", "_num_gpus": "auto", "_num_kv_servers": "auto"}
    ),
)

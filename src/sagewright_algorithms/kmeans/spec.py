"""K-means as data: images, hyperparameters, channels, metrics, content types.

https://docs.aws.amazon.com/sagemaker/latest/dg/k-means-api-config.html; defaults as AWS's container prints them.
"""

from __future__ import annotations

from typing import Any

from sagewright_algorithms.contract.first_party import FirstParty
from sagewright_algorithms.contract.hyperparameters import (
    Boolean,
    Categorical,
    Continuous,
    Hyperparameter,
    Integer,
    Interval,
    JsonList,
    Tunable,
)
from sagewright_algorithms.contract.registries import FIRST_PARTY
from sagewright_algorithms.contract.spec import AlgorithmSpec, Image, Inference, Metric
from sagewright_algorithms.contract.tables import REQUEST_FORMATS, table_channel

ALGORITHM = "AWS/KMeansWebscale"
"""As the structured metrics name it."""

_AUTO = ("auto",)
_METHODS = ("random", "kmeans++")
EVAL_METRICS = ("msd", "ssd")

HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    Integer("feature_dim", "The number of features", required=True, range=Interval(1)),
    Integer("k", "The number of clusters", required=True, range=Interval(1)),
    Categorical("init_method", "How the first centres are chosen", default="random", values=_METHODS),
    Integer(
        "mini_batch_size",
        "The observations of a mini-batch",
        default="5000",
        tunable=Tunable(3000, 15000),
        range=Interval(1),
    ),
    Integer("epochs", "The passes over the training data", default="1", tunable=Tunable(1, 10), range=Interval(1)),
    Integer(
        "extra_center_factor",
        "Centres while training, for each one of the model",
        default="auto",
        tunable=Tunable(4, 10),
        range=Interval(1),
        special=_AUTO,
    ),
    Integer("local_lloyd_max_iter", "The most iterations of Lloyd's method", default="300", range=Interval(1)),
    Continuous(
        "local_lloyd_tol", "The relative change that ends Lloyd's method", default="0.0001", range=Interval(0, 1)
    ),
    Categorical("local_lloyd_init_method", "How Lloyd's method begins", default="kmeans++", values=_METHODS),
    Integer(
        "local_lloyd_num_trials",
        "How often Lloyd's method begins anew",
        default="auto",
        range=Interval(1),
        special=_AUTO,
    ),
    Integer("half_life_time_size", "The observations after which one counts half", default="0", range=Interval(0)),
    JsonList("eval_metrics", "The metrics of the model", default='["msd"]', values=EVAL_METRICS),
    Boolean("force_dense", "Whether sparse rows are made dense", default="true"),
)

DEFAULTS: dict[str, Any] = {row.name: row.parse(row.default) for row in HYPERPARAMETERS if row.default is not None}
"""What an unset hyperparameter is, parsed."""

SPEC = AlgorithmSpec(
    name="kmeans",
    package="kmeans",
    images=(Image("kmeans", tags=("1", "latest"), registries=FIRST_PARTY),),
    hyperparameters=HYPERPARAMETERS,
    channels=(table_channel("train", required=True), table_channel("test")),
    metrics=(
        Metric("test:msd", r"#quality_metric: host=\S+, test msd <loss>=(\S+)", "Minimize"),
        Metric("test:ssd", r"#quality_metric: host=\S+, test ssd <loss>=(\S+)", "Minimize"),
        Metric("train:msd", r"#quality_metric: host=\S+, train msd <loss>=(\S+)", "Minimize"),
        Metric("train:progress", r"#progress_metric: host=\S+, completed (\S+) %", "Maximize"),
        Metric("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second", "Maximize"),
    ),
    inference=Inference(
        requests=REQUEST_FORMATS,
        accepts=("application/json", "application/jsonlines", "application/x-recordio-protobuf", "text/csv"),
        default_request="text/csv",
        default_accept="application/json",
    ),
    gpu=True,
    distributed=True,
    first_party=FirstParty(
        ALGORITHM,
        {
            "_disable_wait_to_read": "false",
            "_enable_profiler": "false",
            "_kvstore": "auto",
            "_log_level": "info",
            "_num_gpus": "auto",
            "_num_kv_servers": "1",
            "_num_slices": "1",
            "_tuning_objective_metric": "",
        },
    ),
)

"""Random Cut Forest as data: images, hyperparameters, channels, metrics, content types.

https://docs.aws.amazon.com/sagemaker/latest/dg/rcf_hyperparameters.html; defaults as AWS's container prints them.
"""

from __future__ import annotations

from typing import Any

from sagewright_algorithms.contract.first_party import FirstParty
from sagewright_algorithms.contract.hyperparameters import (
    Boolean,
    Hyperparameter,
    Integer,
    Interval,
    JsonList,
    Tunable,
)
from sagewright_algorithms.contract.registries import FIRST_PARTY
from sagewright_algorithms.contract.spec import AlgorithmSpec, Image, Inference, Metric
from sagewright_algorithms.contract.tables import REQUEST_FORMATS, table_channel

ALGORITHM = "RandomCutForest"
ACCURACY, FSCORE = "accuracy", "precision_recall_fscore"

HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    Integer("feature_dim", "The number of features", required=True, range=Interval(1, 10_000)),
    JsonList(
        "eval_metrics",
        "The metrics of a labelled test channel",
        default=f'["{ACCURACY}", "{FSCORE}"]',
        values=(ACCURACY, FSCORE),
    ),
    Integer(
        "num_samples_per_tree",
        "The random samples given to each tree; 1 divided by it is about the share of anomalies",
        default="256",
        tunable=Tunable(1, 2048),
        range=Interval(1, 2048),
    ),
    Integer("num_trees", "The trees of the forest", default="100", tunable=Tunable(50, 1000), range=Interval(50, 1000)),
    Integer("mini_batch_size", "The observations read at a time", default="1000", range=Interval(1)),
    Integer("epochs", "The passes over the training data", default="1", range=Interval(1)),
    Boolean("force_dense", "Whether sparse rows are made dense", default="true"),
)

DEFAULTS: dict[str, Any] = {row.name: row.parse(row.default) for row in HYPERPARAMETERS if row.default is not None}
"""What an unset hyperparameter is, parsed."""

_TEST = r"#quality_metric: host=\S+, test "

SPEC = AlgorithmSpec(
    name="randomcutforest",
    package="random_cut_forest",
    images=(Image("randomcutforest", tags=("1", "latest"), registries=FIRST_PARTY),),
    hyperparameters=HYPERPARAMETERS,
    channels=(table_channel("train", required=True), table_channel("test")),
    metrics=(
        *(
            Metric(f"test:{name}", rf"{_TEST}{name} <score>=(\S+)", "Maximize")
            for name in ("f1", "accuracy", "precision", "recall")
        ),
        Metric("train:progress", r"#progress_metric: host=\S+, completed (\S+) %", "Maximize"),
        Metric("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second", "Maximize"),
    ),
    inference=Inference(
        requests=REQUEST_FORMATS,
        accepts=("application/json", "application/jsonlines", "application/x-recordio-protobuf"),
        default_request="text/csv",
        default_accept="application/json",
    ),
    distributed=True,
    first_party=FirstParty(
        ALGORITHM,
        {
            "_ftp_port": "8999",
            "_kvstore": "dist_async",
            "_log_level": "info",
            "_num_gpus": "auto",
            "_num_kv_servers": "auto",
            "_tuning_objective_metric": "",
        },
    ),
)

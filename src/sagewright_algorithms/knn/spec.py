"""k-NN as data: images, hyperparameters, channels, metrics, content types.

https://docs.aws.amazon.com/sagemaker/latest/dg/kNN_hyperparameters.html; defaults as AWS's container prints them.
"""

from __future__ import annotations

from typing import Any

from sagewright_algorithms.contract.first_party import FirstParty
from sagewright_algorithms.contract.hyperparameters import Categorical, Hyperparameter, Integer, Interval, Tunable
from sagewright_algorithms.contract.registries import FIRST_PARTY
from sagewright_algorithms.contract.spec import AlgorithmSpec, Image, Inference, Metric
from sagewright_algorithms.contract.tables import REQUEST_FORMATS, table_channel
from sagewright_algorithms.knn.rules import INDEX_TYPES, RULES

HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    Integer("feature_dim", "The number of features", required=True, range=Interval(1)),
    Integer("k", "The number of nearest neighbours", required=True, tunable=Tunable(1, 1024), range=Interval(1)),
    Categorical(
        "predictor_type", "What is made of the neighbours' labels", required=True, values=("classifier", "regressor")
    ),
    Integer(
        "sample_size",
        "The training rows that the index is made of",
        required=True,
        tunable=Tunable(256, 20_000_000),
        range=Interval(1),
    ),
    Categorical(
        "dimension_reduction_type",
        "How rows are reduced to fewer dimensions",
        default="none",
        values=("none", "sign", "fjlt"),
    ),
    Integer("dimension_reduction_target", "The dimensions to reduce to", range=Interval(1)),
    Categorical("index_type", "The type of the index", default="faiss.Flat", values=INDEX_TYPES),
    Categorical("index_metric", "The distance", default="L2", values=("L2", "INNER_PRODUCT", "COSINE")),
    Integer(
        "faiss_index_ivf_nlists",
        "The centroids of faiss.IVFFlat and faiss.IVFPQ; auto: the square root of sample_size",
        default="auto",
        range=Interval(1),
        special=("auto",),
    ),
    Integer("faiss_index_pq_m", "The parts of a vector that faiss.IVFPQ encodes", range=Interval(1, 96)),
    Integer("mini_batch_size", "The rows of a mini-batch", default="5000", range=Interval(1)),
    Integer("epochs", "The passes over the training data", default="1", range=Interval(1)),
    Integer("_faiss_index_nprobe", "The centroids whose rows a search looks at", default="5", range=Interval(1)),
)

DEFAULTS: dict[str, Any] = {row.name: row.parse(row.default) for row in HYPERPARAMETERS if row.default is not None}
"""What an unset hyperparameter is, parsed."""

SPEC = AlgorithmSpec(
    name="knn",
    package="knn",
    images=(Image("knn", tags=("1", "latest"), registries=FIRST_PARTY),),
    hyperparameters=HYPERPARAMETERS,
    channels=(table_channel("train", required=True), table_channel("test")),
    metrics=(
        Metric("test:accuracy", r"#quality_metric: host=\S+, test accuracy <score>=(\S+)", "Maximize"),
        Metric("test:mse", r"#quality_metric: host=\S+, test mse <loss>=(\S+)", "Minimize"),
        Metric("train:progress", r"#progress_metric: host=\S+, completed (\S+) %", "Maximize"),
        Metric("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second", "Maximize"),
    ),
    inference=Inference(
        requests=REQUEST_FORMATS,
        accepts=("application/json", "application/jsonlines", "application/x-recordio-protobuf"),
        default_request="text/csv",
        default_accept="application/json",
        verbose=("distances", "labels"),
    ),
    rules=RULES,
    gpu=True,
    distributed=True,
    first_party=FirstParty(
        "AWS/KNN",
        {
            "_enable_profiler": "false",
            "_kvstore": "dist_async",
            "_log_level": "info",
            "_num_gpus": "auto",
            "_num_kv_servers": "1",
            "_tuning_objective_metric": "",
        },
    ),
)

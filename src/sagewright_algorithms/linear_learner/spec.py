"""Linear learner as data: images, channels, metrics, content types. Hyperparameters are in ``hyperparameters.py``."""

from __future__ import annotations

from sagewright_algorithms.contract.first_party import FirstParty
from sagewright_algorithms.contract.registries import FIRST_PARTY
from sagewright_algorithms.contract.spec import AlgorithmSpec, Image, Inference, Metric
from sagewright_algorithms.contract.tables import REQUEST_FORMATS, table_channel
from sagewright_algorithms.linear_learner.hyperparameters import HYPERPARAMETERS
from sagewright_algorithms.linear_learner.rules import RULES

_LINE = r"#quality_metric: host=\S+, "
# Name -> what the line says of it, and whether it is a loss. Not every metric is a metric of every channel on AWS.
_FINAL = {
    "objective_loss": (r"\S+_objective", True),
    "binary_classification_accuracy": ("binary_classification_accuracy", False),
    "binary_f_beta": (r"binary_f_\S+", False),
    "precision": ("precision", False),
    "recall": ("recall", False),
    "roc_auc_score": ("roc_auc_score", False),
    "multiclass_accuracy": ("multiclass_accuracy", False),
    "multiclass_top_k_accuracy": (r"multiclass_top_k_accuracy_\S+", False),
    "dcg": ("dcg", False),
    "macro_recall": ("macro_recall", False),
    "macro_precision": ("macro_precision", False),
    "macro_f_beta": (r"macro_f_\S+", False),
    "mse": ("mse", True),
    "absolute_loss": ("absolute_loss", True),
    "rmse": ("rmse", True),
}
_OF_TRAIN = ("binary_classification_accuracy", "binary_f_beta", "precision", "recall", "mse", "absolute_loss")


def _metric(channel: str, name: str, *, epoch: bool = False, suffix: str = "") -> Metric:
    token, loss = _FINAL[name]
    kind, direction = ("loss", "Minimize") if loss else ("score", "Maximize")
    at = r"epoch=\S+, " if epoch else ""
    return Metric(f"{channel}:{name}{suffix}", rf"{_LINE}{at}{channel} {token} <{kind}>=(\S+)", direction)


_METRICS = (
    *(_metric("test", name) for name in _FINAL if name != "rmse"),
    _metric("validation", "objective_loss", epoch=True),
    *(_metric("validation", name) for name in _FINAL if name != "objective_loss"),
    _metric("validation", "objective_loss", suffix=":final"),
    _metric("train", "objective_loss", epoch=True),
    _metric("train", "objective_loss", suffix=":final"),
    *(_metric("train", name) for name in _OF_TRAIN),
    Metric("train:progress", r"#progress_metric: host=\S+, completed (\S+) %", "Maximize"),
    Metric("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second", "Maximize"),
)

SPEC = AlgorithmSpec(
    name="linear-learner",
    package="linear_learner",
    images=(Image("linear-learner", tags=("1", "latest"), registries=FIRST_PARTY),),
    hyperparameters=HYPERPARAMETERS,
    channels=(table_channel("train", required=True), table_channel("validation"), table_channel("test")),
    metrics=_METRICS,
    inference=Inference(
        requests=REQUEST_FORMATS,
        accepts=("application/json", "application/jsonlines", "application/x-recordio-protobuf"),
        default_request="text/csv",
        default_accept="application/json",
    ),
    rules=RULES,
    gpu=True,
    distributed=True,
    first_party=FirstParty(
        "Linear Learner",
        {
            "_num_gpus": "auto",
            "_num_kv_servers": "auto",
            "_kvstore": "auto",
            "_log_level": "info",
            "_tuning_objective_metric": "",
            "_enable_profiler": "false",
        },
    ),
)

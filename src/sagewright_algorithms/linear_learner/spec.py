"""Linear learner as data: images, channels, metrics, content types. Hyperparameters are in ``hyperparameters.py``."""

from __future__ import annotations

from sagewright_algorithms.contract.spec import AlgorithmSpec, ChannelSpec, Image, Inference, Metric
from sagewright_algorithms.linear_learner.hyperparameters import HYPERPARAMETERS
from sagewright_algorithms.linear_learner.rules import RULES

_REGISTRIES = {
    "af-south-1": "455444449433",
    "ap-east-1": "286214385809",
    "ap-northeast-1": "351501993468",
    "ap-northeast-2": "835164637446",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "991648021394",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "475088953585",
    "ap-southeast-2": "712309505854",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "469771592824",
    "ca-west-1": "190319476487",
    "cn-north-1": "390948362332",
    "cn-northwest-1": "387376663083",
    "eu-central-1": "664544806723",
    "eu-central-2": "680994064768",
    "eu-north-1": "669576153137",
    "eu-south-1": "257386234256",
    "eu-south-2": "104374241257",
    "eu-west-1": "438346466558",
    "eu-west-2": "644912444149",
    "eu-west-3": "749696950732",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "249704162688",
    "sa-east-1": "855470959533",
    "us-east-1": "382416733822",
    "us-east-2": "404615174143",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "226302683700",
    "us-iso-east-1": "490574956308",
    "us-isob-east-1": "765400339828",
    "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026",
    "us-west-1": "632365934929",
    "us-west-2": "174872318107",
}

_TRAINING_TYPES = {"application/x-recordio-protobuf": "recordio-protobuf", "text/csv": "csv"}


def _channel(name: str, *, required: bool = False) -> ChannelSpec:
    return ChannelSpec(
        name,
        _TRAINING_TYPES,
        required=required,
        input_modes=("File", "FastFile", "Pipe"),
        pipe_formats=("csv", "recordio-protobuf"),
    )


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
    images=(Image("linear-learner", tags=("1", "latest"), registries=_REGISTRIES),),
    hyperparameters=HYPERPARAMETERS,
    channels=(_channel("train", required=True), _channel("validation"), _channel("test")),
    metrics=_METRICS,
    inference=Inference(
        requests={
            "text/csv": "csv",
            "application/json": "json",
            "application/jsonlines": "jsonlines",
            "application/x-recordio-protobuf": "recordio-protobuf",
        },
        accepts=("application/json", "application/jsonlines", "application/x-recordio-protobuf"),
        default_request="text/csv",
        default_accept="application/json",
    ),
    rules=RULES,
    gpu=True,
    distributed=False,
)

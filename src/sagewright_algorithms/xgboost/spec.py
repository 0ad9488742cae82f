"""XGBoost as data: images, channels, metrics, content types. Hyperparameters are in ``hyperparameters.py``."""

from __future__ import annotations

from sagewright_algorithms.contract.spec import AlgorithmSpec, ChannelSpec, Image, Inference, Metric
from sagewright_algorithms.xgboost.hyperparameters import HYPERPARAMETERS
from sagewright_algorithms.xgboost.rules import MAXIMIZED, MINIMIZED, RULES

_REGISTRIES = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-iso-east-1": "833128469047",
    "us-isob-east-1": "281123927165",
    "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}
_FIRST_REGISTRIES = {
    "af-south-1": "455444449433",
    "ap-east-1": "286214385809",
    "ap-northeast-1": "501404015308",
    "ap-northeast-2": "306986355934",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "991648021394",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "475088953585",
    "ap-southeast-2": "544295431143",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "469771592824",
    "cn-north-1": "390948362332",
    "cn-northwest-1": "387376663083",
    "eu-central-1": "813361260812",
    "eu-central-2": "680994064768",
    "eu-north-1": "669576153137",
    "eu-south-1": "257386234256",
    "eu-south-2": "104374241257",
    "eu-west-1": "685385470294",
    "eu-west-2": "644912444149",
    "eu-west-3": "749696950732",
    "me-central-1": "272398656194",
    "me-south-1": "249704162688",
    "sa-east-1": "855470959533",
    "us-east-1": "811284229777",
    "us-east-2": "825641698319",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "226302683700",
    "us-iso-east-1": "490574956308",
    "us-isob-east-1": "765400339828",
    "us-west-1": "632365934929",
    "us-west-2": "433757028032",
}
_VERSIONS = ("0.90-1", "0.90-2", "1.0-1", "1.2-1", "1.2-2", "1.3-1", "1.5-1", "1.7-1", "3.0-5")
_IMAGES = (
    Image(
        "sagemaker-xgboost",
        tags=(*_VERSIONS, *(f"{version}-cpu-py3" for version in _VERSIONS), "1.3-1-arm64", "1.5-1-arm64"),
        tag_pattern=r"3\.\d+(\.\d+)?-\d+(-cpu-py3)?",
        registries=_REGISTRIES,
    ),
    Image("xgboost", tags=("1", "latest"), registries=_FIRST_REGISTRIES),
)

_TRAINING_TYPES = {
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "libsvm": "libsvm",
    "text/csv": "csv",
    "csv": "csv",
    "application/x-parquet": "parquet",
    "parquet": "parquet",
    "application/x-recordio-protobuf": "recordio-protobuf",
    "recordio-protobuf": "recordio-protobuf",
}
_REQUEST_TYPES = {name: form for name, form in _TRAINING_TYPES.items() if form != "parquet"}


def _channel(name: str, *, required: bool) -> ChannelSpec:
    return ChannelSpec(
        name,
        _TRAINING_TYPES,
        required=required,
        input_modes=("File", "FastFile", "Pipe"),
        pipe_formats=("csv", "parquet", "recordio-protobuf"),
        default_content_type="text/libsvm",
    )


_CHANNELS = (
    _channel("train", required=True),
    _channel("validation", required=False),
    ChannelSpec("code", {"text/python": "python"}, default_content_type="text/python"),
)

_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
_TRAINING_METRICS = ("rmse", "mae", "logloss", "error", "merror", "mlogloss", "auc", "ndcg", "map")


def _direction(name: str) -> str:
    return "Maximize" if name in MAXIMIZED else "Minimize"


_METRICS = (
    *(
        Metric(f"validation:{name}", rf".*\[[0-9]+\].*#011validation-{name}:(\S+)", _direction(name))
        for name in MAXIMIZED + MINIMIZED
    ),
    *(
        Metric(f"train:{name}", rf".*\[[0-9]+\].*#011train-{name}:{_NUMBER}.*", _direction(name))
        for name in _TRAINING_METRICS
    ),
)

SPEC = AlgorithmSpec(
    name="xgboost",
    package="xgboost",
    images=_IMAGES,
    hyperparameters=HYPERPARAMETERS,
    channels=_CHANNELS,
    metrics=_METRICS,
    inference=Inference(
        requests=_REQUEST_TYPES,
        accepts=("text/csv", "application/json", "application/jsonlines", "application/x-recordio-protobuf"),
        default_request="text/libsvm",
        default_accept="text/csv",
    ),
    rules=RULES,
    gpu=True,
    distributed=True,
)

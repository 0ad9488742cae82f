"""InvokeEndpoint with a single-row XGBoost model: added latency, and requests/s against MLServer and BentoML."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import ROLE, answers, client, csv_rows, median, peer, server, training_request, wait_until
from benchmarks.load import measure

_ROUNDS, _SECONDS, _CLIENTS = 3, 5, 16
_ROW = [0.1, -0.4, 1.3, 0.7, -1.1, 0.2, 0.9, -0.3, 0.5, 0.0]
_ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def _post(path: str, body: bytes, content_type: str, extra: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return (head + extra + "\r\n").encode() + body


_SIGNED = (
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/aws4_request, "
    "SignedHeaders=host, Signature=0\r\n"
)


@contextlib.contextmanager
def _endpoint(folder: Path) -> Iterator[tuple[int, str]]:
    """A trained and deployed model: the server's port and the model server's own address."""
    with server(OMP_NUM_THREADS="1") as handle:
        s3, sagemaker = client("s3", handle.url), client("sagemaker", handle.url)
        s3.create_bucket(Bucket="bench")
        s3.put_object(Bucket="bench", Key="train/data.csv", Body=csv_rows(600, len(_ROW)))
        sagemaker.create_training_job(**training_request("invoke", "bench", num_round="50"))
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="invoke")
        job = sagemaker.describe_training_job(TrainingJobName="invoke")
        artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
        s3.download_file("bench", artifact.split("/", 3)[3], str(folder / "model.tar.gz"))
        container = {
            "Image": job["AlgorithmSpecification"]["TrainingImage"],
            "ModelDataUrl": artifact,
            "Environment": {"OMP_NUM_THREADS": "1"},
        }
        sagemaker.create_model(ModelName="bench", ExecutionRoleArn=ROLE, PrimaryContainer=container)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": "bench",
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        sagemaker.create_endpoint_config(EndpointConfigName="bench", ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName="bench", EndpointConfigName="bench")
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="bench")
        yield handle.port, _model_server_address(handle.data_dir)


def _model_server_address(data_dir: Path) -> str:
    """Where the server's one model server listens: port 8080 on a loopback address of its own."""
    (launch,) = data_dir.glob("work/*/launch.json")
    address: str = json.loads(launch.read_text())["workload"]["address"]
    return f"{address}:8080"


@contextlib.contextmanager
def _process(command: list[str], folder: Path, health: str) -> Iterator[None]:
    with (folder / "peer.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=_ENVIRONMENT, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(health), 90, 0.1)
        yield
    except TimeoutError:
        raise RuntimeError((folder / "peer.log").read_text()[-3000:]) from None
    finally:
        process.terminate()
        process.wait()


_BENTO = """
import bentoml, numpy, xgboost
@bentoml.service(workers=1)
class Model:
    def __init__(self) -> None:
        self.booster = xgboost.Booster(model_file="xgboost-model.ubj")
    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        return self.booster.inplace_predict(numpy.asarray(rows, numpy.float32)).tolist()
"""


def _mlserver(folder: Path) -> tuple[list[str], str, bytes, str]:
    bin_folder = peer("mlserver")
    settings = {"http_port": 21801, "grpc_port": 21802, "metrics_port": 21803, "parallel_workers": 0, "debug": False}
    model = {
        "name": "bench",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": "./xgboost-model.ubj"},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    row = {"name": "x", "shape": [1, len(_ROW)], "datatype": "FP32", "data": _ROW}
    request = _post("/v2/models/bench/infer", json.dumps({"inputs": [row]}).encode(), "application/json")
    return [str(bin_folder / "mlserver"), "start", "."], "127.0.0.1:21801", request, "/v2/models/bench/ready"


def _bentoml(folder: Path) -> tuple[list[str], str, bytes, str]:
    bin_folder = peer("bentoml")
    (folder / "service.py").write_text(textwrap.dedent(_BENTO))
    request = _post("/predict", json.dumps({"rows": [_ROW]}).encode(), "application/json")
    command = [str(bin_folder / "bentoml"), "serve", "service:Model", "--port", "21811", "--host", "127.0.0.1"]
    return command, "127.0.0.1:21811", request, "/readyz"


def _peer_rates(folder: Path) -> dict[str, float]:
    import tarfile

    with tarfile.open(folder / "model.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    (folder / "xgboost-model").rename(folder / "xgboost-model.ubj")
    rates = {}
    for name, prepare in (("MLServer", _mlserver), ("BentoML", _bentoml)):
        command, address, request, health = prepare(folder)
        with _process(command, folder, f"http://{address}{health}"):
            measure(address, request, _CLIENTS, 1)
            rates[name] = median([measure(address, request, _CLIENTS, _SECONDS)["rps"] for _ in range(_ROUNDS)])
    return rates


def run() -> Iterator[str]:
    row = ",".join(map(str, _ROW)).encode()
    invoke = _post("/endpoints/bench/invocations", row, "text/csv", _SIGNED)
    direct = _post("/invocations", row, "text/csv")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _endpoint(folder) as (port, model_server):
            ours = f"127.0.0.1:{port}"
            measure(ours, invoke, _CLIENTS, 1)
            above = [
                measure(ours, invoke, 1, 2)["p50_ms"] - measure(model_server, direct, 1, 2)["p50_ms"]
                for _ in range(_ROUNDS)
            ]
            yield f"p50 above the container's own /invocations, one client: {median(above):.2f} ms (reach < 2)"
            raw = median([measure(model_server, direct, _CLIENTS, 2)["rps"] for _ in range(_ROUNDS)])
            rate = median([measure(ours, invoke, _CLIENTS, _SECONDS)["rps"] for _ in range(_ROUNDS)])
            yield f"16 keep-alive clients: {rate:.0f} requests/s (reach >= 1,500); model server alone {raw:.0f}"
        time.sleep(1)
        for peer_name, peer_rate in _peer_rates(folder).items():
            yield f"{peer_name}: {peer_rate:.0f} requests/s, sagewright / {peer_name} = {rate / peer_rate:.2f}"

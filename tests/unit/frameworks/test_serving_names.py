"""AWS's own modules by their names, as scripts import them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sagewright_frameworks import source

_SCRIPT = """
import sys
sys.path.append({folder!r})
from sagemaker_inference import content_types, decoder, default_inference_handler, encoder, errors, utils
assert decoder.decode("[1, 2]", content_types.JSON).tolist() == [1, 2]
assert encoder.encode([1, 2], content_types.CSV) == "1\\n2\\n"
assert utils.parse_accept("text/csv;q=1, */*") == ["text/csv", "*/*"]
error = errors.GenericInferenceToolkitError(400, "bad")
assert (error.status_code, error.message) == (400, "bad")
assert default_inference_handler.DefaultInferenceHandler().default_input_fn("3", "application/json") == 3

from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker
assert encoders.array_to_json({{"a": decoder.decode("[1]", "application/json")}}) == '{{"a": [1]}}'
assert encoders.csv_to_numpy("1,2", "int32").tolist() == [1, 2]
assert worker.Response("[]", "text/csv").content_type == "application/json", "as on AWS"
answer = worker.Response("words", mimetype="text/csv")
assert (answer.get_data(), answer.status_code, answer.content_type) == (b"words", 200, "text/csv; charset=utf-8")
try:
    env.TrainingEnv
except AttributeError as error:
    assert "Sagewright has no sagemaker_containers.beta.framework.env.TrainingEnv" in str(error)

import sagemaker_xgboost_container.encoder as xgb_encoders
found = xgb_encoders.libsvm_to_dmatrix("0 1:2 3:4\\n1 2:5")
assert (found.num_row(), found.num_col()) == (2, 4), "indices stay as they are"
assert xgb_encoders.csv_to_dmatrix("1,2,3").num_col() == 3

import pathlib
from sagemaker_xgboost_container import distributed
from sagemaker_xgboost_container.data_utils import get_dmatrix
folder = pathlib.Path({data!r})
assert get_dmatrix(str(folder), "csv") is None
(folder / "a.csv").write_text("1,0.5,2,3\\n0,1,4,5\\n")
(folder / "b.csv").write_text("1,0.5,6,7\\n")
found = get_dmatrix(str(folder), "text/csv; charset=utf-8")
assert (found.num_row(), found.num_col(), found.get_label().tolist()) == (3, 3, [1, 0, 1])
found = get_dmatrix(str(folder), "csv", csv_weights=1)
assert (found.num_col(), found.get_weight().tolist()) == (2, [0.5, 1, 0.5])
(folder / "c").write_text("1 1:2 4:1\\n")
found = get_dmatrix(str(folder / "c"), "libsvm")
assert (found.num_col(), found.get_label().tolist()) == (5, [1])
ran = []
distributed.rabit_run(lambda **args: ran.append(args), {{"a": 1}}, True, ["algo-1"], "algo-1", update_rabit_args=True)
assert ran == [{{"a": 1, "is_master": True}}]
for refused in (
    lambda: distributed.rabit_run(print, {{}}, True, ["algo-1", "algo-2"], "algo-1"),
    lambda: get_dmatrix("x", "csv", is_pipe=True),
    lambda: get_dmatrix("x", "image/png"),
):
    try:
        refused()
    except (NotImplementedError, ValueError):
        continue
    raise AssertionError("not refused")
print("all there")
"""


def test_names(tmp_path: Path) -> None:
    script = _SCRIPT.format(folder=source.NAMES, data=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "all there\n", done.stderr

"""https://github.com/aws/sagemaker-pytorch-inference-toolkit: a TorchScript model, on the GPU where there is one."""

from __future__ import annotations

import os
from typing import Any

from sagewright_frameworks.serving.content_types import TEXTS, name_of
from sagewright_frameworks.serving.encoding import decode, encode_first

_NAME = "model.pt"


def model_fn(model_dir: str) -> Any:
    """model.pt, or the folder's only .pt or .pth file. Raises ValueError where it is no TorchScript or missing."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    file = os.path.join(model_dir, _NAME)
    if not os.path.isfile(file):
        files = [name for name in sorted(os.listdir(model_dir)) if name.endswith((".pt", ".pth"))]
        if len(files) != 1:
            raise ValueError(f"Exactly one .pth or .pt file is required for PyTorch models: {files}")
        file = os.path.join(model_dir, files[0])
    try:
        return torch.jit.load(file, map_location=_device()).eval()
    except RuntimeError as error:
        raise ValueError(f"Failed to load {file}. Please ensure model is saved using torchscript.") from error


def input_fn(body: Any, content_type: str) -> Any:
    """A tensor; of floats where the body was text."""
    import torch

    data = decode(body, content_type)
    if hasattr(data, "toarray"):
        data = data.toarray()
    tensor = torch.FloatTensor(data) if name_of(content_type) in TEXTS else torch.from_numpy(data)
    return tensor.to(_device())


def predict_fn(data: Any, model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model.to(_device()).eval()(data.to(_device()))


def output_fn(prediction: Any, accept: str) -> tuple[str | bytes, str]:
    import torch

    if isinstance(prediction, torch.Tensor):
        prediction = prediction.detach().cpu().numpy().tolist()
    return encode_first(prediction, accept)


def _device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")

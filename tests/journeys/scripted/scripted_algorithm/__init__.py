"""An algorithm whose hyperparameters and requests say what it does, found the way any installed algorithm is."""

from typing import Any


class _Algorithm:
    def describe(self) -> dict[str, Any]:
        return {
            "name": "scripted",
            "images": [{"repository": "scripted", "tags": ["1"], "tag_pattern": ""}],
            "command": {verb: ["-m", "scripted_algorithm", verb] for verb in ("train", "serve")},
            "metrics": [{"Name": "train:loss", "Regex": r"loss=(\S+);", "Direction": "Minimize"}],
            "hyperparameters": [],
            "channels": [],
            "gpu": False,
            "distributed": False,
        }


ALGORITHM = _Algorithm()

"""Image URIs to runners."""

from __future__ import annotations

import pytest
from sagemaker_world import ALGORITHM

from sagewright.services.sagemaker.images import Images, UnknownImage

TO_COME = {
    **ALGORITHM,
    "name": "other",
    "images": [{"repository": "other", "tags": ["1", "latest"], "tag_pattern": r"2\.\d+-\d+"}],
}
IMAGES = Images(lambda: [ALGORITHM, TO_COME], list)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "xgboost"),
        ("111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:1.5-1", "xgboost"),
        (f"111111111111.dkr.ecr.eu-west-1.amazonaws.com/other:1@sha256:{'0' * 64}", "other"),
        ("111111111111.dkr.ecr.eu-west-1.amazonaws.com/other", "other"),
        ("111111111111.dkr.ecr.eu-west-1.amazonaws.com/other:2.7-1", "other"),
    ],
)
def test_known(uri: str, name: str) -> None:
    assert IMAGES.runner(uri).name == name


@pytest.mark.parametrize(
    ("uri", "advice"),
    [
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:9", "1.5-1, 1.7-1"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/nothing:1", "other, sagemaker-xgboost"),
        ("python:3.11", "other, sagemaker-xgboost"),
        ("evil.example/683313688378.dkr.ecr.us-east-1.amazonaws.com/other:1", "other, sagemaker-xgboost"),
    ],
)
def test_unknown_says_what_to_do(uri: str, advice: str) -> None:
    with pytest.raises(UnknownImage) as caught:
        IMAGES.runner(uri)
    assert uri in str(caught.value)
    assert advice in str(caught.value)


def test_without_any_algorithm() -> None:
    with pytest.raises(UnknownImage, match="No algorithm is installed"):
        Images(list, list).runner("111111111111.dkr.ecr.eu-west-1.amazonaws.com/other:1")

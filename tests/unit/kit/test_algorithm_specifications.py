"""The specifications of every installed algorithm are such as CreateAlgorithm takes."""

from __future__ import annotations

import json

import pytest

from sagewright.cli import main
from sagewright.kit.algorithm_specifications import inference_specification, training_specification
from sagewright.kit.algorithms import installed
from sagewright.services.sagemaker.algorithms.rules import check_specification
from sagewright.services.sagemaker.images import Images
from sagewright.wire import models
from sagewright.wire.validate import validate

ALL = {each["name"]: each for each in installed()}


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1"])
def test_create_algorithm_takes_it(name: str, region: str) -> None:
    training = training_specification(ALL[name], region)
    inference = inference_specification(ALL[name], region)
    request = {"AlgorithmName": name, "TrainingSpecification": training, "InferenceSpecification": inference}
    validate(models.operation("sagemaker", "CreateAlgorithm"), request)
    check_specification(training)
    assert Images().runner(training["TrainingImage"]).name == name
    assert inference["Containers"] == [{"Image": training["TrainingImage"]}]
    assert {each["Name"] for each in training["TrainingChannels"] if each["IsRequired"]} == {"train"}


def test_xgboost() -> None:
    made = training_specification(ALL["xgboost"], "eu-west-1")
    assert made["TrainingImage"] == "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
    parameters = {each["Name"]: each for each in made["SupportedHyperParameters"]}
    assert parameters["num_round"]["IsRequired"]
    assert parameters["eta"]["Range"] == {"ContinuousParameterRangeSpecification": {"MinValue": "0", "MaxValue": "1"}}
    assert not any(name.startswith("_") for name in parameters)
    assert "ml.m5.large" in made["SupportedTrainingInstanceTypes"]
    assert not any(name.startswith("ml.trn1") for name in made["SupportedTrainingInstanceTypes"])


def test_words_beside_numbers() -> None:
    parameters = training_specification(ALL["linear-learner"], "us-east-1")["SupportedHyperParameters"]
    kinds = {each["Name"]: each["Type"] for each in parameters}
    assert kinds["num_models"] == "FreeText"  # auto
    assert kinds["learning_rate"] == "Continuous"  # auto as well, but it is to be tuned


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["algorithms"]) == 0
    assert "xgboost" in capsys.readouterr().out
    assert main(["algorithms", "xgboost"]) == 0
    assert "num_round" in capsys.readouterr().out
    words = ["algorithms", "xgboost", "--training-specification", "--region", "eu-west-1", "--tag", "1.7-1"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == training_specification(ALL["xgboost"], "eu-west-1", "1.7-1")
    assert main(["algorithms", "xgboost", "--inference-specification"]) == 0
    assert json.loads(capsys.readouterr().out) == inference_specification(ALL["xgboost"], "us-east-1")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "there is no algorithm nothing; there are"),
        (["--training-specification"], "name the algorithm"),
        (["xgboost", "--training-specification", "--region", "mars"], "no image in the region 'mars'"),
    ],
)
def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(["algorithms", *words]) == 1
    assert message in capsys.readouterr().err

"""Search: every operator on every type of property, nesting, sorting, paging, and what AWS refuses."""

from __future__ import annotations

from typing import Any

import pytest
from sagemaker_world import World, training_request

from sagewright.core.errors import AwsError
from sagewright.runtime.fake import Script

IMAGE_OF_NONE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/nobody:1"


@pytest.fixture
def jobs(world: World) -> World:
    """Four jobs a minute apart: a and b complete, c fails, d is at work."""

    def script(workload: Any) -> Script:
        loss = {"a": 0.5, "b": 0.25}.get(workload.env["TRAINING_JOB_NAME"])
        logs = () if loss is None else ((0.5, f"[1]\ttrain-rmse:{loss}"),)
        return Script(running=1000 if workload.env["TRAINING_JOB_NAME"] == "d" else 1, logs=logs)

    world.script = script
    for name, eta, team in (("a", "0.3", "red"), ("b", "1.7", "blue"), ("c", "auto", "red"), ("d", "10", None)):
        request = training_request(
            name,
            HyperParameters={"eta": eta, "objective": f"reg:{name}"},
            Tags=[{"Key": "team", "Value": team}] if team else [],
            ExperimentConfig={"ExperimentName": f"experiment-{name}"},
        )
        second = {**request["InputDataConfig"][0], "ChannelName": "validation", "ContentType": "text/libsvm"}
        if name == "b":
            request["InputDataConfig"].append(second)
        if name == "c":
            request["AlgorithmSpecification"]["TrainingImage"] = IMAGE_OF_NONE
        world.call("create_training_job", **request)
        world.run(60, every=1)
    return world


def found(world: World, *filters: dict[str, Any], **members: Any) -> str:
    """The names of the jobs, sorted by name."""
    expression = members.pop("expression", {"Filters": list(filters)} if filters else None)
    asked = {} if expression is None else {"SearchExpression": expression}
    answer = world.call("search", Resource="TrainingJob", SortBy="TrainingJobName", **asked, **members)
    return "".join(sorted(each["TrainingJob"]["TrainingJobName"] for each in answer["Results"]))


def where(name: str, operator: str | None = None, value: str | None = None) -> dict[str, str]:
    whole = {"Name": name, "Operator": operator, "Value": value}
    return {member: each for member, each in whole.items() if each is not None}


CASES = [
    ("TrainingJobName", "Equals", "a", "a"),
    ("TrainingJobName", None, "a", "a"),
    ("TrainingJobName", "NotEquals", "a", "bcd"),
    ("TrainingJobName", "In", "a, c,x", "ac"),
    ("TrainingJobStatus", "Equals", "Failed", "c"),
    ("FailureReason", None, None, "c"),
    ("FailureReason", "Exists", None, "c"),
    ("FailureReason", "NotExists", None, "abd"),
    ("FailureReason", "Contains", "no runner", "c"),
    ("HyperParameters.objective", "Equals", "reg:b", "b"),
    ("HyperParameters.eta", "LessThan", "0.5", "a"),
    ("HyperParameters.eta", "GreaterThan", "0.3", "bd"),
    ("HyperParameters.eta", "GreaterThanOrEqualTo", "0.3", "abd"),
    ("HyperParameters.eta", "Equals", "1", "b"),
    ("HyperParameters.eta", "Equals", "0", "a"),
    ("HyperParameters.eta", "Equals", "0.30", "a"),
    ("HyperParameters.eta", "LessThanOrEqualTo", "1", "ab"),
    ("HyperParameters.eta", "Equals", "auto", "c"),
    ("HyperParameters.eta", "NotEquals", "auto", "abd"),
    ("HyperParameters.eta", "In", "auto,10", "cd"),
    ("HyperParameters.gamma", "Exists", None, ""),
    ("HyperParameters.gamma", "NotEquals", "1", "abcd"),
    ("Tags.team", "Equals", "red", "ac"),
    ("Tags.team", "NotExists", None, "d"),
    ("Tags.team", "Contains", "lu", "b"),
    ("Metrics.train:rmse", "LessThan", "0.3", "b"),
    ("Metrics.train:rmse", "Exists", None, "ab"),
    ("FinalMetricDataList.MetricName", "Equals", "train:rmse", "ab"),
    ("FinalMetricDataList.Value", "GreaterThan", "0.3", "a"),
    ("InputDataConfig.ChannelName", "Equals", "validation", "b"),
    ("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", "bucket/tr", "abcd"),
    ("ResourceConfig.InstanceCount", "Equals", "1", "abcd"),
    ("ResourceConfig.VolumeSizeInGB", "GreaterThan", "5", ""),
    ("ResourceConfig", "Exists", None, "abcd"),
    ("EnableNetworkIsolation", "Equals", "false", "abcd"),
    ("EnableNetworkIsolation", "Equals", "true", ""),
    ("ExperimentConfig.ExperimentName", "Equals", "experiment-b", "b"),
    ("CreationTime", "GreaterThan", "2023-11-14T22:14:00Z", "bcd"),
    ("CreationTime", "LessThan", "2023-11-14T22:14:00", "a"),
    ("CreationTime", "LessThan", "2023-11-14T23:14:00+01:00", "a"),
    ("CreationTime", "Equals", "1700000000", "a"),
    ("TrainingEndTime", "NotExists", None, "d"),
]


def test_every_operator(jobs: World) -> None:
    seen = {(n, o, v): found(jobs, where(n, o, v)) for n, o, v, _ in CASES}
    assert seen == {(n, o, v): wanted for n, o, v, wanted in CASES}


def test_expressions(jobs: World) -> None:
    red, quick = where("Tags.team", "Equals", "red"), where("HyperParameters.eta", "GreaterThan", "1.5")
    assert found(jobs, red, quick) == ""
    assert found(jobs, expression={"Filters": [red, quick], "Operator": "Or"}) == "abcd"
    either = {"Filters": [where("TrainingJobName", "Equals", "a"), quick], "Operator": "Or"}
    assert found(jobs, expression={"Filters": [red], "SubExpressions": [either]}) == "a"
    assert found(jobs) == "abcd"


def test_nested_filters_mean_one_element(jobs: World) -> None:
    pair = [
        where("InputDataConfig.ChannelName", "Equals", "train"),
        where("InputDataConfig.ContentType", "Equals", "text/libsvm"),
    ]
    assert found(jobs, *pair) == "b"
    nested = {"NestedPropertyName": "InputDataConfig", "Filters": pair}
    assert found(jobs, expression={"NestedFilters": [nested]}) == ""
    pair[0]["Value"] = "validation"
    assert found(jobs, expression={"NestedFilters": [nested]}) == "b"
    bare = {"NestedPropertyName": "InputDataConfig", "Filters": [where("ChannelName", "Equals", "validation")]}
    assert found(jobs, expression={"NestedFilters": [bare]}) == "b"


@pytest.mark.parametrize("order", ["Ascending", "Descending"])
@pytest.mark.parametrize(
    ("by", "ascending"),
    [
        ("TrainingJobName", "abcd"),
        ("CreationTime", "abcd"),
        ("HyperParameters.eta", "cabd"),
        ("Metrics.train:rmse", "bacd"),
        ("Tags.team", "bacd"),
        ("FailureReason", "cabd"),
    ],
)
def test_sorting_and_paging(jobs: World, by: str, ascending: str, order: str) -> None:
    """What lacks the property comes last, whatever the order."""
    names, token = "", {}
    while True:
        answer = jobs.call("search", Resource="TrainingJob", SortBy=by, SortOrder=order, MaxResults=1, **token)
        names += answer["Results"][0]["TrainingJob"]["TrainingJobName"]
        if not answer["NextToken"]:
            break
        token = {"NextToken": answer["NextToken"]}
    missing = {"Metrics.train:rmse": "cd", "Tags.team": "d", "FailureReason": "abd"}.get(by, "")
    there = ascending[: len(ascending) - len(missing)]
    wanted = ascending if order == "Ascending" else there[::-1] + missing[::-1]
    assert names == wanted


def test_the_newest_change_comes_first_by_default(jobs: World) -> None:
    answer = jobs.call("search", Resource="TrainingJob")
    assert [each["TrainingJob"]["TrainingJobName"] for each in answer["Results"]] == ["d", "c", "b", "a"]


def test_a_record_is_the_job_with_its_tags(jobs: World) -> None:
    expression = {"Filters": [where("TrainingJobName", "Equals", "a")]}
    (result,) = jobs.call("search", Resource="TrainingJob", SearchExpression=expression)["Results"]
    record, job = result["TrainingJob"], jobs.call("describe_training_job", TrainingJobName="a")
    assert record["Tags"] == [{"Key": "team", "Value": "red"}]
    assert "ProfilingStatus" not in record
    assert {name: job.get(name) for name in record if name != "Tags"} == {
        k: v for k, v in record.items() if k != "Tags"
    }


def test_visibility_and_other_accounts(jobs: World) -> None:
    assert found(jobs, VisibilityConditions=[{"Key": "Tags.team", "Value": "red"}]) == "ac"
    assert found(jobs, CrossAccountFilterOption="CrossAccount") == ""
    assert found(jobs, CrossAccountFilterOption="SameAccount") == "abcd"


def test_suggestions(jobs: World) -> None:
    def suggested(hint: str) -> list[str]:
        query = {"PropertyNameQuery": {"PropertyNameHint": hint}}
        answer = jobs.call("get_search_suggestions", Resource="TrainingJob", SuggestionQuery=query)
        return [each["PropertyName"] for each in answer["PropertyNameSuggestions"]]

    assert suggested("obj") == ["HyperParameters.objective"]
    assert suggested("hyperparameters.e") == ["HyperParameters.eta"]
    assert suggested("t") == ["Metrics.train:rmse", "Tags.team"]
    assert suggested("x") == []


def test_models_and_endpoints(jobs: World) -> None:
    container = {"Image": training_request()["AlgorithmSpecification"]["TrainingImage"]}
    for name in ("m", "n"):
        tags = [{"Key": "of", "Value": name}]
        jobs.call("create_model", ModelName=name, PrimaryContainer=container, ExecutionRoleArn="r", Tags=tags)
    for name in ("Model.ModelName", "ModelName", "Tags.of", "Model.Tags.of"):
        expression = {"Filters": [where(name, "Equals", "n")]}
        (result,) = jobs.call("search", Resource="Model", SearchExpression=expression)["Results"]
        assert result["Model"]["Model"]["ModelName"] == "n"
        assert result["Model"]["Model"]["Tags"] == [{"Key": "of", "Value": "n"}]
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    jobs.call("create_endpoint_config", EndpointConfigName="c", ProductionVariants=[variant])
    jobs.call("create_endpoint", EndpointName="e", EndpointConfigName="c")
    expression = {"Filters": [where("ProductionVariants.VariantName", "Equals", "v")]}
    (result,) = jobs.call("search", Resource="Endpoint", SearchExpression=expression)["Results"]
    assert result["Endpoint"]["EndpointName"] == "e"


REFUSED = [
    ([where("Nonsense", "Equals", "a")], "Unknown property name: Nonsense"),
    ([where("TrainingJobName.x", "Equals", "a")], "Unknown property name: TrainingJobName.x"),
    ([where("Tags.team", "GreaterThan", "a")], "Operator GreaterThan is not supported for the text property Tags.team"),
    ([where("TrainingJobName", "LessThan", "a")], "Operator LessThan is not supported for the text property"),
    ([where("HyperParameters.eta", "LessThan", "a")], "Operator LessThan is not supported for the text property"),
    ([where("CreationTime", "Contains", "2023")], "Operator Contains is not supported for the time property"),
    ([where("CreationTime", "LessThan", "nan")], "CreationTime: nan is not a time"),
    ([where("CreationTime", "Equals", "soon")], "CreationTime: soon is not a time"),
    ([where("Metrics.train:rmse", "In", "1,2")], "Operator In is not supported for the number property"),
    ([where("ResourceConfig.InstanceCount", "Equals", "two")], "InstanceCount: two is not a number"),
    ([where("EnableNetworkIsolation", "Equals", "maybe")], "maybe is not a boolean"),
    ([where("TrainingJobName", "Equals")], "the operator Equals needs a Value"),
    ([where("ResourceConfig", "Equals", "x")], "ResourceConfig holds other properties"),
    ([where("TrainingJobName", "Contains", "a"), where("RoleArn", "Contains", "b")], "'CONTAINS' operator usage limit"),
]


@pytest.mark.parametrize(("filters", "message"), REFUSED)
def test_refused(world: World, filters: list[dict[str, str]], message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        found(world, *filters)
    assert caught.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"SearchExpression": {}}, "at least one Filter"),
        ({"SearchExpression": {"SubExpressions": [{"Operator": "Or"}]}}, "at least one Filter"),
        ({"SearchExpression": {"Filters": [where("RoleArn", "Exists")] * 51}}, "cannot have more than 50 Filters"),
        (
            {"SearchExpression": {"NestedFilters": [{"NestedPropertyName": "RoleArn", "Filters": [where("x")]}]}},
            "RoleArn is not a list of objects",
        ),
        (
            {"SearchExpression": {"NestedFilters": [{"NestedPropertyName": "Nothing", "Filters": [where("x")]}]}},
            "Unknown property name: Nothing",
        ),
        ({"SortBy": "Nonsense"}, "Unknown property name: Nonsense"),
        ({"VisibilityConditions": [{"Value": "red"}]}, r"must be Tags\.<key>, and it is \."),
        ({"NextToken": "nonsense"}, "Invalid NextToken"),
        ({"VisibilityConditions": [{"Key": "team", "Value": "red"}]}, r"must be Tags\.<key>, and it is team"),
    ],
)
def test_refused_members(world: World, members: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message):
        world.call("search", Resource="TrainingJob", **members)


def test_a_deep_expression_is_refused(world: World) -> None:
    expression: dict[str, Any] = {"Filters": [where("RoleArn", "Exists")]}
    for _ in range(400):
        expression = {"SubExpressions": [expression]}
    with pytest.raises(AwsError, match="cannot have more than 50"):
        found(world, expression=expression)


def test_a_token_of_another_search_is_refused(jobs: World) -> None:
    token = jobs.call("search", Resource="TrainingJob", MaxResults=1)["NextToken"]
    with pytest.raises(AwsError, match="Invalid NextToken"):
        jobs.call("search", Resource="TrainingJob", SortBy="TrainingJobName", NextToken=token)
    with pytest.raises(AwsError, match="Invalid NextToken"):
        jobs.call("list_training_jobs", NextToken=token)


def test_resources_that_are_not_here(world: World) -> None:
    for operation in ("search", "get_search_suggestions"):
        with pytest.raises(AwsError, match="over Experiment yet") as caught:
            world.call(operation, Resource="Experiment")
        assert caught.value.status == 501

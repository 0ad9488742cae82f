"""Search with boto3 and the AWS SDK's own helpers, over jobs that really trained; lists and updates of many jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_journey import Journey, journey

TEAMS = {"search-a": "red", "search-b": "blue", "search-c": "red"}


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """Jobs whose last loss is 1, 1/2 and 1/3; one more fails."""
    with journey(tmp_path_factory.mktemp("server")) as made:
        made.data()
        for lines, (name, team) in enumerate(TEAMS.items(), start=1):
            tags = [{"Key": "team", "Value": team}]
            made.train(name, lines=lines, rate=lines / 10, Tags=tags, ExperimentConfig={"ExperimentName": f"of-{team}"})
        made.train("broken", exit=1, failure="it is broken")
        for name in (*TEAMS, "broken"):
            made.trained(name)
        yield made


def found(trip: Journey, *filters: tuple[str, str, str], **members: Any) -> list[str]:
    named = [{"Name": name, "Operator": operator, "Value": value} for name, operator, value in filters]
    answer = trip.sagemaker.search(Resource="TrainingJob", SearchExpression={"Filters": named}, **members)
    return [each["TrainingJob"]["TrainingJobName"] for each in answer["Results"]]


def test_by_metric_hyperparameter_tag_and_experiment(trip: Journey) -> None:
    best = {"SortBy": "Metrics.train:loss", "SortOrder": "Ascending"}
    completed = ("TrainingJobStatus", "Equals", "Completed")
    assert found(trip, completed, **best) == ["search-c", "search-b", "search-a"]
    assert found(trip, ("Metrics.train:loss", "LessThan", "0.4"), completed) == ["search-c"]
    assert found(trip, ("HyperParameters.rate", "LessThanOrEqualTo", "0.2"), **best) == ["search-b", "search-a"]
    assert found(trip, ("Tags.team", "Equals", "red"), **best) == ["search-c", "search-a"]
    assert found(trip, ("ExperimentConfig.ExperimentName", "Equals", "of-blue")) == ["search-b"]
    assert found(trip, ("FailureReason", "Contains", "it is broken")) == ["broken"]
    assert found(trip, ("CreationTime", "GreaterThan", datetime.now(UTC).isoformat())) == []


def test_the_model_leads_back_to_its_job(trip: Journey) -> None:
    """As AWS's guide has it: a model's lineage, by where its artifacts are."""
    data = trip.trained("search-b")["ModelArtifacts"]["S3ModelArtifacts"]
    (result,) = trip.sagemaker.search(
        Resource="TrainingJob",
        MaxResults=1,
        SearchExpression={"Filters": [{"Name": "ModelArtifacts.S3ModelArtifacts", "Value": data}]},
    )["Results"]
    job = trip.sagemaker.describe_training_job(TrainingJobName="search-b")
    record = result["TrainingJob"]
    assert record.pop("Tags") == [{"Key": "team", "Value": "blue"}]
    assert record.items() <= job.items()
    assert record["FinalMetricDataList"][0]["Value"] == pytest.approx(0.5)


def test_models_and_endpoints(trip: Journey) -> None:
    data = trip.trained("search-a")["ModelArtifacts"]["S3ModelArtifacts"]
    trip.deploy("searched", data)
    filters = [{"Name": "ModelName", "Value": "searched"}]
    (result,) = trip.sagemaker.search(Resource="Model", SearchExpression={"Filters": filters})["Results"]
    model = trip.sagemaker.describe_model(ModelName="searched")
    assert {name: result["Model"]["Model"][name] for name in ("ModelArn", "PrimaryContainer", "CreationTime")} == {
        name: model[name] for name in ("ModelArn", "PrimaryContainer", "CreationTime")
    }
    trip.in_service("searched")
    filters = [{"Name": "EndpointStatus", "Value": "InService"}]
    (result,) = trip.sagemaker.search(Resource="Endpoint", SearchExpression={"Filters": filters})["Results"]
    assert result["Endpoint"]["ProductionVariants"][0]["VariantName"] == "AllTraffic"
    trip.sagemaker.delete_endpoint(EndpointName="searched")


def test_pages(trip: Journey) -> None:
    pages = trip.sagemaker.get_paginator("search").paginate(
        Resource="TrainingJob", SortBy="TrainingJobName", SortOrder="Ascending", PaginationConfig={"PageSize": 1}
    )
    assert [each["TrainingJob"]["TrainingJobName"] for page in pages for each in page["Results"]] == ["broken", *TEAMS]


def test_suggestions(trip: Journey) -> None:
    query = {"PropertyNameQuery": {"PropertyNameHint": "train:"}}
    answer = trip.sagemaker.get_search_suggestions(Resource="TrainingJob", SuggestionQuery=query)
    assert answer["PropertyNameSuggestions"] == [{"PropertyName": "Metrics.train:loss"}]


@pytest.mark.parametrize(
    ("members", "code", "status"),
    [
        ({"SortBy": "Nonsense"}, "ValidationException", 400),
        ({"SearchExpression": {"Filters": [{"Name": "Nonsense", "Value": "x"}]}}, "ValidationException", 400),
        ({"SearchExpression": {}}, "ValidationException", 400),
        (
            {"SearchExpression": {"Filters": [{"Name": "RoleArn", "Operator": "Exists"}] * 21}},
            "ValidationException",
            400,
        ),
        ({"NextToken": "bm9uc2Vuc2U="}, "ValidationException", 400),
        ({"Resource": "Experiment"}, "NotImplemented", 501),
    ],
)
def test_wrong_input(trip: Journey, members: dict[str, Any], code: str, status: int) -> None:
    with pytest.raises(ClientError) as caught:
        trip.sagemaker.search(**{"Resource": "TrainingJob", **members})
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_list_goes_on_where_it_was_when_jobs_come_and_go(trip: Journey) -> None:
    for number in range(6):
        trip.train(f"listed-{number}", exit=0)
    for number in range(6):
        trip.trained(f"listed-{number}")
    asked = {"NameContains": "LISTED", "SortBy": "Name", "MaxResults": 2}
    page = trip.sagemaker.list_training_jobs(**asked)
    names = [job["TrainingJobName"] for job in page["TrainingJobSummaries"]]
    trip.sagemaker.delete_training_job(TrainingJobName="listed-0")
    trip.train("listed-00")
    while token := page.get("NextToken"):
        page = trip.sagemaker.list_training_jobs(**asked, NextToken=token)
        names += [job["TrainingJobName"] for job in page["TrainingJobSummaries"]]
    assert names == [f"listed-{number}" for number in range(6)]
    token = trip.sagemaker.list_training_jobs(**asked)["NextToken"]
    with pytest.raises(ClientError, match="Invalid NextToken"):
        trip.sagemaker.list_training_jobs(NextToken=token)


def test_a_job_is_updated_while_it_trains(trip: Journey) -> None:
    trip.train("updated", lines=100000, seconds=0.05)
    trip.until(lambda: trip.log("/aws/sagemaker/TrainingJobs", "updated/"), lambda lines: "line 0" in str(lines))
    profiler = {"ProfilingIntervalInMilliseconds": 500}
    trip.sagemaker.update_training_job(TrainingJobName="updated", ProfilerConfig=profiler)
    time.sleep(0.2)  # it goes on with it
    job = trip.sagemaker.describe_training_job(TrainingJobName="updated")
    assert (job["TrainingJobStatus"], job["ProfilerConfig"]) == ("InProgress", profiler)
    trip.sagemaker.stop_training_job(TrainingJobName="updated")
    assert trip.trained("updated")["TrainingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="is in status Stopped"):
        trip.sagemaker.update_training_job(TrainingJobName="updated", ProfilerConfig=profiler)

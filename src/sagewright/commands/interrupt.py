"""``sagewright interrupt``: a managed spot training job loses its instances, with AWS's two minutes of notice."""

from __future__ import annotations

import argparse
import os
import time

from sagewright.commands import CommandFailed
from sagewright.commands.calls import call, credentials
from sagewright.commands.servers import add_place, find_at

_PATIENCE = 180.0
"""Seconds until the instances are gone: a job that does not heed SIGTERM has 120."""
_PAUSE = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="the training job's name")
    add_place(parser)


def run(options: argparse.Namespace) -> int:
    from sagewright.core.arn import Arn
    from sagewright.kit import interruptions

    running = find_at(options)
    environment = {**os.environ, **credentials(running, os.environ)}

    def describe() -> dict[str, object]:
        members = {"TrainingJobName": options.job}
        answer: dict[str, object] = call(running, "sagemaker", "SageMaker.DescribeTrainingJob", members, environment)
        return answer

    job = describe()
    if not job["EnableManagedSpotTraining"]:
        raise CommandFailed(f"{options.job} does not use managed spot training: its instances are never taken away")
    if job["TrainingJobStatus"] != "InProgress":
        raise CommandFailed(f"{options.job} is {job['TrainingJobStatus']}: it has no instances")
    arn = Arn.parse(str(job["TrainingJobArn"]))
    before = _times(job)
    interruptions.ask(running.data_dir, arn.account, arn.region, options.job)
    deadline = time.monotonic() + _PATIENCE
    while _times(job) == before and job["TrainingJobStatus"] == "InProgress":
        if time.monotonic() > deadline:
            raise CommandFailed(f"{options.job} still has its instances: {job['SecondaryStatus']}")
        time.sleep(_PAUSE)
        job = describe()
    if _times(job) == before:
        raise CommandFailed(f"{options.job} ended before: {job['TrainingJobStatus']}")
    print(f"{options.job} was interrupted, and is {job['SecondaryStatus']} again")
    return 0


def _times(job: dict[str, object]) -> int:
    """How often it has been interrupted."""
    transitions = job["SecondaryStatusTransitions"]
    assert isinstance(transitions, list)
    return [each["Status"] for each in transitions].count("Interrupted")

"""Learns a job's vectors and writes them."""

from __future__ import annotations

import numpy as np

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.contract.memory import free_memory
from sagewright_algorithms.ip_insights import artifacts
from sagewright_algorithms.ip_insights.data import Source
from sagewright_algorithms.ip_insights.network import Network
from sagewright_algorithms.ip_insights.report import Report
from sagewright_algorithms.ip_insights.settings import Settings
from sagewright_algorithms.ip_insights.training import Training

_SEED = 20181113


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # The cores share out rows; threads of a matrix product would wait for each other.
    with threadpool_limits(1):
        _train(job)


def _train(job: TrainingJob) -> None:
    settings = Settings.of(job.hyperparameters)
    _check_memory(settings)
    report = Report(job.environment.current_host)
    random = np.random.default_rng(_SEED)
    network = Network(settings.entities, settings.width, settings.layers, settings.prefixes, random)
    training = Training(
        settings=settings,
        network=network,
        train=_source(job, "train", settings),
        validation=_source(job, "validation", settings) if "validation" in job.channels else None,
        collective=job.collective,
        random=random,
        report=report,
        stop=job.stop,
    )
    training.run()
    if job.collective.first:
        artifacts.write(job.environment.model_dir, artifacts.Artifact.of(network, settings.entities))
    report.total()


def _source(job: TrainingJob, name: str, settings: Settings) -> Source:
    distribution = job.environment.input_data.get(name, {}).get("S3DistributionType")
    share = 1 if distribution == "ShardedByS3Key" else job.collective.size
    return Source(job.channels[name], settings.entities, rank=job.collective.rank % share, share=share)


def _check_memory(settings: Settings) -> None:
    needed, free = settings.needed_memory, free_memory()
    if needed > free:
        raise ClientError(
            f"A mini-batch and the encoder need {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are available. "
            "Please use a larger instance, or reduce mini_batch_size, random_negative_sampling_rate, "
            "shuffled_negative_sampling_rate, num_ip_encoder_layers or vector_dim."
        )

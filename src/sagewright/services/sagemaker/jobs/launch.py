"""One instance of a job that is about to be launched: what its workload has, whatever the kind of job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagewright.runtime.capacity import Grant
from sagewright.runtime.workload import Workload
from sagewright.services.sagemaker.images import Runner
from sagewright.services.sagemaker.jobs.cluster import Cluster
from sagewright.services.sagemaker.jobs.identity import job_id, workload_id
from sagewright.store import Document


@dataclass(frozen=True, slots=True)
class Launch:
    """host: the instance's name. grant: the part of this machine that it gets. credentials: of the job's role."""

    document: Document
    runner: Runner
    cluster: Cluster
    host: str
    grant: Grant
    credentials: Mapping[str, str]

    @property
    def request(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document.body["request"]
        return found

    @property
    def threads(self) -> str:
        return str(max(1, int(self.grant.resources.vcpus)))

    def environment(self, image: str) -> dict[str, str]:
        """The command's environment. image: the URI that the job names, or its algorithm."""
        state, region = self.document.body["state"], self.document.space.region
        return {
            "OMP_NUM_THREADS": self.threads,
            **self.runner.env,
            **self.request.get("Environment", {}),
            "SAGEWRIGHT_IMAGE": image,
            "SAGEWRIGHT_MEMORY": str(self.grant.resources.memory),
            "SAGEWRIGHT_HOSTS": json.dumps(state["Hosts"]),
            "SAGEWRIGHT_JOB_TOKEN": state["Token"],
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
        }

    def share(self, distribution: str, hosts: list[str]) -> tuple[int, int]:
        """Which of how many shares of an input's objects are the instance's. hosts: those that get any."""
        return (hosts.index(self.host), len(hosts)) if distribution == "ShardedByS3Key" else (0, 1)

    def workload(self, **members: Any) -> Workload:
        """members: what the kind of job says."""
        document, addresses, hosts = self.document, self.document.body["state"]["Hosts"], self.cluster.hosts
        return Workload(
            id=workload_id(document, self.host),
            kind="batch",
            job=job_id(document),
            network=tuple(workload_id(document, host) for host in hosts) if len(hosts) > 1 else (),
            resources=self.grant.resources,
            hostname=self.host,
            address=addresses[self.host],
            hosts=addresses,
            log_header=self.grant.notes,
            region=document.space.region,
            account=document.space.account,
            credentials=self.credentials,
            image=self.runner.image,
            folder=self.runner.folder,
            **members,
        )

"""What a backend is asked to run: plain data, written to the instance's folder as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["batch", "service"]
SourceKind = Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile", "S3Object"]
Compression = Literal["None", "Gzip", "Tar"]
Form = Literal["tar.gz", "files"]

SERVICE_PORT = 8080
"""Where a service listens, on its own address (SageMaker's contract)."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a workload needs, or a machine has. memory: bytes. vcpus: logical processors."""

    vcpus: float
    memory: int
    gpus: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(self.vcpus + other.vcpus, self.memory + other.memory, self.gpus + other.gpus)

    def within(self, other: Resources) -> bool:
        """Whether other is enough for this."""
        return self.vcpus <= other.vcpus and self.memory <= other.memory and self.gpus <= other.gpus


NOTHING = Resources(0, 0)
"""What sums of resources begin with."""


@dataclass(frozen=True, slots=True)
class S3Input:
    """Objects in S3.

    kind: ``S3Prefix`` every key that starts with the uri's key; ``ManifestFile`` the uri is a manifest
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html); ``AugmentedManifestFile`` it is
    one in JSON lines, of which each gives the attributes of that name, in Pipe mode; ``S3Object`` that one key.
    shard, shards: of the keys or lines, every shards-th from shard on (``ShardedByS3Key``); 0, 1 is all of them.
    shuffle: the seed of their order, which is another one in each pass (Pipe mode); None leaves them as they are.
    role: the execution role's ARN, named in the error of an empty prefix.
    """

    uri: str
    kind: SourceKind = "S3Prefix"
    shard: int = 0
    shards: int = 1
    role: str = ""
    attributes: tuple[str, ...] = ()
    shuffle: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """An S3 prefix that a file system shows. folder: where, relative to the file system; empty is its root."""

    folder: str
    uri: str


@dataclass(frozen=True, slots=True)
class FolderInput:
    """A folder of a file system, which is itself a folder of the host: the command sees it in its place, not a copy.

    root: the file system's folder, absolute. directory: relative to it, empty for all of it; the command reaches
    nothing outside of root. system, path: the file system's id and the directory's path in it, as errors name them.
    links: objects of these that lie below the directory come into the host's folder before the command, those that are
    not there yet or have changed since. ledger: the host's file that knows which ones are; other instances share it.
    """

    system: str
    path: str
    root: str
    directory: str = ""
    links: tuple[Link, ...] = ()
    ledger: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """Data brought in before the command starts.

    compression: ``Gzip`` decompresses each file; ``Tar`` unpacks each object, a tar or tar.gz, into the folder.
    input_mode: one of the backend's capabilities.input_modes; FastFile gives the same files as File, Pipe makes FIFOs
    ``<folder>_0``, ``<folder>_1`` ... of its objects one after the other.
    record_wrapper: ``RecordIO`` makes each object a record, in Pipe mode.
    path: where, relative to /opt/ml; empty means ``input/data/<name>``.
    read_only: False lets the command write there, at the price of a copy where a link would do; what it writes to a
    FolderInput stays in the host's folder.
    optional: nothing under the prefix is no error (checkpoints of an earlier run).
    """

    name: str
    source: S3Input | FolderInput
    content_type: str = ""
    compression: Compression = "None"
    input_mode: str = "File"
    path: str = ""
    read_only: bool = True
    optional: bool = False
    record_wrapper: str = "None"

    @property
    def folder(self) -> str:
        """Where it lands, relative to /opt/ml."""
        return self.path or f"input/data/{self.name}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A folder that goes to S3 after the command.

    source: relative to /opt/ml (``model``, ``output/data``, ``processing/output/train``).
    uri: an s3 folder; ``tar.gz`` makes one object ``<uri>/<name>``, ``files`` one ``<uri>/<relative path>`` a file.
    on_failure: also when the command failed. skip_empty: no object where the folder has no file.
    continuous: also while the command runs, as files change (checkpoints; form ``files`` only).
    """

    source: str
    uri: str
    form: Form = "tar.gz"
    name: str = "model.tar.gz"
    on_failure: bool = False
    skip_empty: bool = False
    continuous: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """One instance of a job or of an endpoint's variant.

    id: unique, at most 200 characters; launching the same id twice runs it once.
    kind: ``batch`` runs to its end; ``service`` serves ``/ping`` and ``/invocations`` on address:port until stopped.
    command: argv. env: the command's environment, on top of a bare one.
    config: name -> document, written to ``/opt/ml/<config_folder>/<name>.json``.
    model_data: s3 uri of a tar.gz unpacked into /opt/ml/model before the command.
    max_runtime: seconds of running, 0 no limit. stop_grace: seconds between SIGTERM and SIGKILL.
    address: 127.x.y.z, or a node's; empty lets the backend choose, Observation.address tells. port: a service's there.
    hostname, hosts: the instance's name and the addresses of all instances by name, in its /etc/hosts.
    log_header: lines that open the log. region, account: whose S3.
    startup_timeout: seconds a service has until its first healthy ping.
    credentials: keys of a session of the workload's role, as AWS's environment variables: the agent signs with them,
    and the command has them unless env has others. Empty: the account is the key.
    job: what the instances of one job or endpoint have in common; empty means the id.
    network: ids of the job's workloads that share a network where network_isolation cuts them off from all others. The
    first of them makes it, and ends after the others. Empty gives this one a network of its own.
    gathers: other workloads of the job, host name -> id. This one ends after all of them, and its uploads, but for the
    continuous ones, store what they have written with its own, as if in one folder; where one failed, only those that
    are on_failure.
    image: of a container engine, in a container of which the command runs; empty for a process of this machine.
    entrypoint: whether the command's first word takes the place of the image's entry point. folder: of this machine,
    which a process sees, read-only, at its own path; empty for none.
    exit_message: whether the text in /opt/ml/output/message goes into the last step's detail, as ``exit_message``.
    setup: argv run after the channels and before the command, in a sandbox like its own; see ``agent.setup``.
    """

    id: str
    kind: Kind
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    model_data: str = ""
    uploads: tuple[Upload, ...] = ()
    resources: Resources = Resources(1, 2**30)
    max_runtime: float = 0
    stop_grace: float = 120
    network_isolation: bool = False
    address: str = ""
    hostname: str = "algo-1"
    hosts: Mapping[str, str] = field(default_factory=dict)
    log_header: tuple[str, ...] = ()
    region: str = "us-east-1"
    account: str = "000000000000"
    startup_timeout: float = 600
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    job: str = ""
    network: tuple[str, ...] = ()
    gathers: Mapping[str, str] = field(default_factory=dict)
    setup: tuple[str, ...] = ()
    image: str = ""
    entrypoint: bool = False
    folder: str = ""
    config_folder: str = "input/config"
    exit_message: bool = False
    port: int = SERVICE_PORT

    def to_json(self) -> dict[str, Any]:
        """A document that from_json reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Workload:
        """The workload of a document. Raises TypeError or KeyError when it is none."""
        values = dict(document)
        values["command"] = tuple(values["command"])
        values["setup"] = tuple(values.get("setup", ()))
        values["network"] = tuple(values.get("network", ()))
        values["log_header"] = tuple(values.get("log_header", ()))
        values["resources"] = Resources(**values["resources"])
        values["channels"] = tuple(
            Channel(**{**channel, "source": _source(channel["source"])}) for channel in values.get("channels", ())
        )
        values["uploads"] = tuple(Upload(**upload) for upload in values.get("uploads", ()))
        return cls(**values)


def _source(document: Mapping[str, Any]) -> S3Input | FolderInput:
    if "root" in document:
        return FolderInput(**{**document, "links": tuple(Link(**link) for link in document.get("links", ()))})
    return S3Input(**{**document, "attributes": tuple(document.get("attributes", ()))})

"""bubblewrap: the argv that puts a command into a mount tree of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sagewright.runtime import python
from sagewright.runtime.agent import relay
from sagewright.runtime.agent.instance import PYTHON
from sagewright.runtime.workload import Workload

_ETC = (
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "fonts",
    "group",
    "host.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "timezone",
)
"""Of /etc, what programs need and no secret is in."""

_ROOTS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")

_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE")
"""What root keeps inside, where the server runs as root: a container engine's usual set, less what makes devices or
sees other processes. Without SYS_ADMIN, read-only mounts stay read-only."""

_RELAY = "/run/sagewright"

_GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset", "/dev/dri")


@dataclass(frozen=True, slots=True)
class Probe:
    """What bubblewrap can do here. program: its path, empty where it is missing or does not work; why: the reason.

    user: it needs a user namespace. network: it can make network namespaces.
    """

    program: str = ""
    user: bool = False
    network: bool = False
    why: str = ""


@cache
def probe() -> Probe:
    """Try bubblewrap once: it may be missing, or user namespaces may be forbidden."""
    program = shutil.which("bwrap")
    if program is None:
        return Probe(why="bubblewrap is not installed")
    base = [program, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-pid", "--die-with-parent"]
    base += ["--unshare-ipc", "--unshare-uts", "--hostname", "probe"]
    why = ""
    # Root inside of a container may lack what bubblewrap needs, and have user namespaces all the same.
    for user in (False, True) if os.geteuid() == 0 else (True,):
        works, why = _try([*base, *_identity(user), "true"])
        if works:
            network, _ = _try([*base, *_identity(user), "--unshare-net", "true"])
            return Probe(program, user, network)
    return Probe(why=f"bubblewrap does not work here: {why}")


def _identity(user: bool) -> list[str]:
    """Root inside, with little power. user: by a user namespace."""
    if user:
        return ["--unshare-user", "--uid", "0", "--gid", "0"]
    added = [word for name in _CAPABILITIES for word in ("--cap-add", f"CAP_{name}")]
    return ["--cap-drop", "ALL", *added]


def _try(argv: list[str]) -> tuple[bool, str]:
    try:
        done = subprocess.run(argv, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    return done.returncode == 0, done.stderr.decode(errors="replace").strip()


@cache
def python_paths() -> tuple[str, ...]:
    """The folders that this Python and its packages need: prefixes, editable sources, PYTHONPATH."""
    paths = [*python.describe()["roots"], str(Path(__file__).parents[2])]
    paths += [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return tuple(_outermost(os.path.abspath(path) for path in paths if os.path.isdir(path)))


def _outermost(paths: Iterable[str]) -> list[str]:
    """Without those that lie inside of another, or in what is bound anyway."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if path != "/" and not any(_below(path, other) for other in [*kept, "/usr"]):
            kept.append(path)
    return kept


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def argv(found: Probe, folder: Path, data_dir: Path, workload: Workload, scripts: Sequence[str] = ()) -> list[str]:
    """What comes before the command: bubblewrap, and the relay for a service without network.

    found: what bubblewrap can do. folder: the workload's, with opt/ml, tmp, relay and hosts in it. data_dir: hidden
    wherever it is. scripts: folders of the Python that runs users' code.
    """
    options = ["--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    options += ["--hostname", workload.hostname]
    if workload.network_isolation and not workload.network:
        options.append("--unshare-net")
    options += _identity(found.user)
    options += _system(folder)
    options += _python(data_dir, scripts)
    options += ["--bind", str(folder / "python"), PYTHON]
    options += _devices(workload.resources.gpus)
    options += _opt_ml(folder, workload)
    if workload.folder:
        options += ["--ro-bind", workload.folder, workload.folder]
    options += ["--chdir", "/opt/ml/code"]
    if workload.network_isolation and workload.kind == "service":
        options += ["--bind", str(folder / "relay"), _RELAY]
        return [found.program, *options, "--", sys.executable, "-S", "-E", "-P", str(relay.__file__), f"{_RELAY}/s"]
    return [found.program, *options, "--"]


def shares_networks() -> bool:
    """Whether sandboxes can be put into one network, which takes util-linux's nsenter."""
    return shutil.which("nsenter") is not None


def network_holder(found: Probe) -> list[str]:
    """A process that does nothing, in a network of its own, as long as its parent lives."""
    options = ["--die-with-parent", "--unshare-net", *_identity(found.user), "--ro-bind", "/", "/"]
    return [found.program, *options, "--", "sleep", "2147483647"]


def network_entrance(found: Probe) -> list[str]:
    """What goes before a sandbox in another one's network; the target's pid is still to come."""
    return ["nsenter", "--net", *(["--user", "--preserve-credentials"] if found.user else [])]


def _system(folder: Path) -> list[str]:
    options = ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm"]  # noqa: S108
    # Folders that bubblewrap makes by itself are for their owner alone; the command may change its user.
    for path in ("/etc", "/opt", "/var"):
        options += ["--perms", "0755", "--dir", path]
    options += ["--tmpfs", "/run", "--tmpfs", "/root", "--bind", str(folder / "tmp"), "/tmp", "--dir", "/var/tmp"]  # noqa: S108
    for path in _ROOTS:
        if os.path.islink(path):
            options += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            options += ["--ro-bind", path, path]
    for name in (*_ETC, *_java()):
        source = os.path.realpath(f"/etc/{name}")
        if os.path.exists(source):
            options += ["--ro-bind", source, f"/etc/{name}"]
    options += ["--ro-bind", str(folder / "hosts"), "/etc/hosts"]
    return options


def _java() -> list[str]:
    """Debian's settings of Java runtimes, without which no program starts."""
    return [path.name for path in Path("/etc").glob("java*") if path.is_dir()]


def _python(data_dir: Path, scripts: Sequence[str]) -> list[str]:
    options: list[str] = []
    hidden = os.path.abspath(data_dir)
    for path in _outermost([*python_paths(), *(os.path.abspath(path) for path in scripts)]):
        options += ["--ro-bind", path, path]
        if _below(hidden, path):
            options += ["--tmpfs", hidden]
    return options


def _devices(gpus: int) -> list[str]:
    if not gpus:
        return []
    devices = [*_GPU_DEVICES, *(str(path) for path in sorted(Path("/dev").glob("nvidia[0-9]*")))]
    return [word for device in devices for word in ("--dev-bind-try", device, device)]


def _opt_ml(folder: Path, workload: Workload) -> list[str]:
    """The job's /opt/ml, read-only where its files may be links to stored objects."""
    base = folder / "opt" / "ml"
    options = ["--bind", str(base), "/opt/ml"]
    for name in (workload.config_folder, "input/data"):
        options += ["--ro-bind", str(base / name), f"/opt/ml/{name}"]
    for channel in sorted(workload.channels, key=lambda channel: channel.folder):
        inside = _below(channel.folder, "input/data")
        if inside != channel.read_only:
            kind = "--ro-bind" if channel.read_only else "--bind"
            options += [kind, str(base / channel.folder), f"/opt/ml/{channel.folder}"]
    return options

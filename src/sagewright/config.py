"""One frozen configuration: command line over environment (``SAGEWRIGHT_*``) over TOML over these defaults."""

from __future__ import annotations

import os
import re
import shlex
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints


def _default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "sagewright"


def _environment(name: str) -> str:
    return os.environ.get(name, "")


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting of a server."""

    host: str = "127.0.0.1"
    port: int = 4566
    """0 takes a free one."""
    data_dir: Path = field(default_factory=_default_data_dir)
    auth: str = "off"
    """off: any signature is taken as good. signature: every one is checked."""
    root_access_key: str = ""
    root_secret_key: str = field(default="", repr=False)
    """The root key of account 000000000000 where signatures are checked; without one, the first start makes it."""
    strict_hardware: bool = False
    """Refuse instance types this machine cannot give, instead of capping them."""
    hold_waiter: float = 50.0
    """Longest a Describe of a boto3 waiter is held while the resource is still changing, seconds; 0 never."""
    hold_sdk: float = 5.0
    """The same for the SageMaker SDK's own polls."""
    backend: str = "local"
    """local: jobs and model servers run on this machine. ray: on the nodes of a Ray cluster."""
    ray_address: str = "auto"
    """Of the cluster: host:port, ray://host:port, or auto (RAY_ADDRESS, else the one that runs on this machine)."""
    sandbox: str = "auto"
    """auto: bubblewrap where it works. off: plain processes."""
    script_python: str = sys.executable
    """The Python that runs users' own code; Sagewright must be installed in its environment too."""
    engine: str = "auto"
    """What runs images of one's own: auto (docker, else podman), off, or the words of a client's command."""
    engine_args: str = ""
    """More options of the engine's ``run``; one that names a network takes the place of ours."""
    engine_pull: bool = False
    """Whether the engine may fetch images."""
    spot_interruptions: float = 0.0
    """How often chance takes a spot job's instances away, an hour of running; `sagewright interrupt` does at once."""
    spot_price: float = 0.3
    """What a spot instance costs of its price on demand, by which billable seconds are counted."""
    upstream_proxy: str = field(
        default_factory=lambda: os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy", "")
    )
    """Where the proxy passes hosts that are not AWS's on to; empty means straight there."""


def load(overrides: dict[str, Any] | None = None, *, environ: dict[str, str] | None = None) -> Config:
    """The configuration. Raises ValueError that names the setting when a value is of the wrong type.

    overrides: from the command line; None values do not count. The TOML file is ``$SAGEWRIGHT_CONFIG``, else
    ``sagewright.toml`` in the working folder.
    """
    environment = dict(os.environ) if environ is None else environ
    file = Path(environment.get("SAGEWRIGHT_CONFIG", "sagewright.toml"))
    values: dict[str, Any] = {}
    if file.is_file():
        import tomllib

        values = tomllib.loads(file.read_text())
    known = {item.name for item in fields(Config)}
    unknown = set(values) - known
    if unknown:
        raise ValueError(f"{file}: unknown setting {', '.join(sorted(unknown))}")
    for name in known:
        variable = f"SAGEWRIGHT_{name.upper()}"
        if variable in environment:
            values[name] = environment[variable]
    values.update({name: value for name, value in (overrides or {}).items() if value is not None})
    types = get_type_hints(Config)
    config = Config(**{name: _convert(name, value, types[name]) for name, value in values.items()})
    _check_root(config)
    _check_words(config)
    return config


_CHOICES = {"auth": ("off", "signature"), "backend": ("local", "ray"), "sandbox": ("auto", "off")}
_ROOT_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _convert(name: str, value: Any, wanted: type) -> Any:
    try:
        if wanted is bool:
            return value if isinstance(value, bool) else _BOOLEANS[str(value).lower()]
        if wanted is Path:
            return Path(value).expanduser().absolute()
        chosen = wanted(value)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"setting {name}: {value!r} is not a valid {wanted.__name__}") from None
    choices = _CHOICES.get(name, (chosen,))
    if chosen not in choices:
        raise ValueError(f"setting {name}: {value!r} is not one of {', '.join(choices)}")
    return chosen


def _check_words(config: Config) -> None:
    for name in ("engine", "engine_args"):
        try:
            shlex.split(getattr(config, name))
        except ValueError as error:
            raise ValueError(f"setting {name}: {error}") from None


def _check_root(config: Config) -> None:
    access_key, secret = config.root_access_key, config.root_secret_key
    if bool(access_key) != bool(secret):
        there, missing = ("access", "secret") if access_key else ("secret", "access")
        raise ValueError(f"setting root_{missing}_key: it is empty, though root_{there}_key is set")
    if access_key and not _ROOT_KEY.fullmatch(access_key):
        raise ValueError("setting root_access_key: letters, digits, _ and - only, at most 128 of them")

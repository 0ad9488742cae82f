"""The environment that brings a program's AWS calls to a server."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sagewright.commands.calls import credentials
from sagewright.commands.servers import Running
from sagewright.wire.authority import Authority, is_aws

_HOOKS = Path(__file__).parent.parent / "hooks"
_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_KEYS = ("aws_access_key_id", "credential_process", "role_arn")
"""Any of these in a profile is a credential that works without AWS; a sign-in (SSO) is not."""


def for_clients(running: Running, base: Mapping[str, str]) -> dict[str, str]:
    """What to set on top of base, the user's own environment.

    The endpoint for clients that ask for one, the proxy and the trust in its authority for those that do not, and
    credentials and a region where base has none, or has none that the server takes.
    """
    bundle = str(Authority(Path(running.ca_bundle).parent).prepare(base))
    no_proxy = _no_proxy(base)
    found = {
        "AWS_ENDPOINT_URL": running.url,
        "HTTPS_PROXY": running.proxy_url,
        "https_proxy": running.proxy_url,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        **dict.fromkeys(_BUNDLES, bundle),
        "NODE_USE_ENV_PROXY": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # else stream-127.0.0.1 for a live tail
        "SAGEWRIGHT_PORT": str(running.port),
        "SAGEWRIGHT_DATA_DIR": str(running.data_dir),
        "SAGEWRIGHT_UPSTREAM_PROXY": upstream(base, running.proxy_port),
        # The SDK v3's own switch: it refuses roles that are not in IAM, where a program's roles seldom are here.
        "SAGEMAKER_VALIDATE_ROLE": base.get("SAGEMAKER_VALIDATE_ROLE", "false"),
    }
    profile = _profile(base)
    if running.auth != "off" or not any(key in profile for key in _KEYS):
        found |= credentials(running, base)
    if not any(name in base for name in ("AWS_REGION", "AWS_DEFAULT_REGION")) and "region" not in profile:
        found |= {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    return found


def for_children(running: Running, base: Mapping[str, str], *, keep_pauses: bool = False) -> dict[str, str]:
    """The whole environment of a command under ``sagewright run``: for_clients, and the hooks for Python and Node.

    keep_pauses: leave the SageMaker SDK's own pauses as they are.
    """
    found = {**base, **for_clients(running, base)}
    if not keep_pauses:
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_HOOKS / "python"), base.get("PYTHONPATH"))))
    hook = str(_HOOKS / "node" / "proxy.cjs").replace("\\", "\\\\").replace('"', '\\"')
    found["NODE_OPTIONS"] = " ".join(filter(None, (base.get("NODE_OPTIONS"), f'--require "{hook}"')))
    return found


def upstream(base: Mapping[str, str], own_port: int = 0) -> str:
    """The proxy that base names for https, unless that is a Sagewright server's (own_port)."""
    if "SAGEWRIGHT_UPSTREAM_PROXY" in base:
        return base["SAGEWRIGHT_UPSTREAM_PROXY"]
    url = base.get("https_proxy") or base.get("HTTPS_PROXY") or ""
    parts = urlsplit(url if "//" in url else f"//{url}")
    return "" if parts.port == own_port and parts.hostname in _LOOPBACK else url


def _no_proxy(base: Mapping[str, str]) -> str:
    """Loopback and what was there, less what would keep AWS's hosts from the proxy (which itself heeds NO_PROXY)."""
    there = [item.strip() for name in ("no_proxy", "NO_PROXY") for item in base.get(name, "").split(",")]
    kept = (item for item in there if item and item != "*" and not is_aws(item.lstrip("*.").partition(":")[0]))
    return ",".join(_once([*_LOOPBACK, *kept]))


def _once(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _profile(base: Mapping[str, str]) -> dict[str, str]:
    """The settings of the user's AWS profile, from both of AWS's files."""
    name = base.get("AWS_PROFILE") or base.get("AWS_DEFAULT_PROFILE") or "default"
    home = Path(base.get("HOME") or Path.home()) / ".aws"
    section = name if name == "default" else f"profile {name}"
    found: dict[str, str] = {}
    for variable, file, title in (
        ("AWS_CONFIG_FILE", home / "config", section),
        ("AWS_SHARED_CREDENTIALS_FILE", home / "credentials", name),
    ):
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read(Path(base.get(variable) or file).expanduser())
        except (configparser.Error, UnicodeDecodeError):
            continue  # the AWS client will say what is wrong with it
        if parser.has_section(title):
            found |= {key: value for key, value in parser.items(title) if value}
    return found

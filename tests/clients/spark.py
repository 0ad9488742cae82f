"""A Python with Apache Spark for users' scripts, where there is a Java for it."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

from clients.torch import settings_of


@cache
def spark_settings() -> dict[str, str] | None:
    """Environment variables of a server whose scripts have Spark; None where it cannot be had."""
    if shutil.which("java") is None:
        return None
    try:
        return settings_of("script_spark")
    except subprocess.CalledProcessError:
        return None

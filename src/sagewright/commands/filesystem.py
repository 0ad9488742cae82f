"""``sagewright filesystem``: which folders of this machine are which file systems. A running server sees it at once."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from sagewright.commands import CommandFailed
from sagewright.commands.servers import add_place, folder_for_jobs, place

_ID = re.compile(r"fs-[0-9a-f]{8,18}")
_MOUNT_NAME = re.compile(r"[A-Za-z0-9_-]{1,8}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="verb", metavar="register | list | unregister", required=True)
    register = parts.add_parser("register", help="make a folder known as a file system")
    register.add_argument("id", metavar="ID", help="as FileSystemId has it: fs-0123456789abcdef0")
    register.add_argument("folder", metavar="FOLDER", help="of this machine; jobs that write to it write there")
    register.add_argument("--type", choices=("EFS", "FSxLustre"), default="EFS", help="(EFS)")
    register.add_argument(
        "--mount-name", metavar="NAME", help="of an FSxLustre: what its directory paths begin with (fsx)"
    )
    register.add_argument(
        "--s3",
        metavar="[/FOLDER=]URI",
        action="append",
        default=[],
        help="of an FSxLustre: the S3 prefix that it, or a folder in it, is linked to; may be there several times",
    )
    unregister = parts.add_parser("unregister", help="forget it; the folder stays as it is")
    unregister.add_argument("id", metavar="ID")
    for each in (register, unregister, parts.add_parser("list", help="those registered, and those made by the API")):
        add_place(each)


def run(options: argparse.Namespace) -> int:
    from sagewright.kit import file_systems

    data_dir = place(options).data_dir
    if options.verb == "register":
        file_systems.register(data_dir, _system(options, data_dir))
    elif options.verb == "list":
        _print(data_dir)
    elif not file_systems.unregister(data_dir, options.id):
        raise CommandFailed(f"no folder is registered as {options.id}: see `sagewright filesystem list`")
    return 0


def _system(options: argparse.Namespace, data_dir: Path) -> Any:
    from sagewright.core.clock import SystemClock
    from sagewright.kit.file_systems import FSX, FileSystem

    if not _ID.fullmatch(options.id):
        raise CommandFailed(f"{options.id} is no file system's id, such as fs-0123456789abcdef0")
    folder = folder_for_jobs(options.folder, data_dir)
    if options.type != FSX and (options.s3 or options.mount_name):
        raise CommandFailed("--s3 and --mount-name are for file systems of the type FSxLustre")
    mount_name = (options.mount_name or "fsx") if options.type == FSX else ""
    if mount_name and not _MOUNT_NAME.fullmatch(mount_name):
        raise CommandFailed(f"--mount-name {mount_name}: it has 1 to 8 letters, digits, _ and -")
    links = dict(_link(text) for text in options.s3)
    return FileSystem(options.id, options.type, str(folder), mount_name, links, SystemClock().now())


def _link(text: str) -> tuple[str, str]:
    folder, _, uri = text.rpartition("=s3://")
    uri = f"s3://{uri}" if folder else text
    parts = folder.strip("/").split("/") if folder else []
    bad = not uri.startswith("s3://") or not uri.removeprefix("s3://").partition("/")[0]
    if bad or (folder and not folder.startswith("/")) or any(part in ("", ".", "..") for part in parts):
        raise CommandFailed(f"--s3 {text}: it must be s3://bucket/prefix or /folder=s3://bucket/prefix")
    return "/".join(parts), uri


def _print(data_dir: Path) -> None:
    """Lines that a program can take apart: nothing of a folder's path is left out."""
    from sagewright.kit import file_systems

    rows = [("id", "type", "mount name", "folder", "S3")]
    for key, each in sorted(file_systems.registered(data_dir).items()):
        links = ", ".join(f"/{folder}={uri}" if folder else uri for folder, uri in each.links.items())
        rows.append((key, each.type, each.mount_name or "-", each.folder, links))
    for made in sorted(file_systems.folder_of(data_dir, "").glob("fs-*/")):
        rows.append((made.name, "by the API", "", str(made), ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

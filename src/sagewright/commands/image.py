"""``sagewright image``: commands of this machine in the place of container images. A server sees them at once."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from sagewright.commands import CommandFailed
from sagewright.commands.servers import add_place, folder_for_jobs, place

if TYPE_CHECKING:
    from sagewright.kit.own_images import OwnImage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="verb", metavar="register | list | remove", required=True)
    register = parts.add_parser("register", help="give a command the name of an image")
    register.add_argument("name", metavar="NAME", help="the image's URI, or its repository[:tag] alone")
    register.add_argument(
        "--command",
        dest="entry_point",
        required=True,
        metavar="WORDS",
        help="the entry point: `train` or `serve` is added to it, to a processing job's nothing",
    )
    register.add_argument("--env", metavar="K=V", action="append", default=[], help="what the image would set")
    register.add_argument("--folder", metavar="F", help="what the command needs of this machine, read-only (here)")
    remove = parts.add_parser("remove", help="forget it")
    remove.add_argument("name", metavar="NAME")
    for each in (register, remove, parts.add_parser("list", help="those registered")):
        add_place(each)


def run(options: argparse.Namespace) -> int:
    from sagewright.kit import own_images

    data_dir = place(options).data_dir
    if options.verb == "register":
        own_images.register(data_dir, _image(options, data_dir))
    elif options.verb == "list":
        for image in own_images.registered(data_dir).values():
            settings = " ".join(f"{name}={value}" for name, value in image.env.items())
            print(f"{image.name}  {shlex.join(image.command)}  {settings}".rstrip(), f"({image.folder})")
    elif not own_images.remove(data_dir, options.name):
        raise CommandFailed(f"no command is registered as {options.name}: see `sagewright image list`")
    return 0


def _image(options: argparse.Namespace, data_dir: Path) -> OwnImage:
    from sagewright.kit.own_images import OwnImage

    folder = folder_for_jobs(options.folder or ".", data_dir)
    try:
        words = shlex.split(options.entry_point)
    except ValueError as error:
        raise CommandFailed(f"--command: {error}") from None
    if not words:
        raise CommandFailed("--command must have at least one word")
    env = dict(each.partition("=")[::2] for each in options.env)
    wrong = [each for each in options.env if not each.partition("=")[1] or not each.partition("=")[0]]
    if wrong:
        raise CommandFailed(f"--env {wrong[0]}: it must be NAME=VALUE")
    return OwnImage(options.name, tuple(_located(word, folder) for word in words), env, str(folder))


def _located(word: str, folder: Path) -> str:
    """A job's working folder is its own, so a file of the image's is named by its whole path."""
    return str(folder / word) if (folder / word).is_file() else word

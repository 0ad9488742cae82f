"""``sagewright algorithms``: the built-in algorithms, and what CreateAlgorithm would be told of each."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from sagewright.commands import CommandFailed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="xgboost, linear-learner ...; without one, a list")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--training-specification", action="store_true", help="CreateAlgorithm's member, as JSON")
    form.add_argument("--inference-specification", action="store_true", help="CreateAlgorithm's member, as JSON")
    parser.add_argument("--region", default="us-east-1", help="of the image (us-east-1)")
    parser.add_argument("--tag", default="", help="of the image (its newest version)")


def run(options: argparse.Namespace) -> int:
    from sagewright.kit.algorithms import installed

    known = {each["name"]: each for each in installed()}
    if options.name is None:
        if options.training_specification or options.inference_specification:
            raise CommandFailed("name the algorithm that is to be specified")
        _print_list(known)
        return 0
    if options.name not in known:
        raise CommandFailed(f"there is no algorithm {options.name}; there are {', '.join(sorted(known))}")
    described = known[options.name]
    if options.training_specification or options.inference_specification:
        _print_specification(described, options)
    else:
        _print_algorithm(described)
    return 0


def _print_specification(described: Mapping[str, Any], options: argparse.Namespace) -> None:
    import json

    from sagewright.kit.algorithm_specifications import inference_specification, training_specification

    make = training_specification if options.training_specification else inference_specification
    try:
        print(json.dumps(make(described, options.region, options.tag), indent=2))
    except KeyError as error:
        raise CommandFailed(f"{described['name']} has no image in the region {error}") from None


def _print_list(known: Mapping[str, Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("algorithm", "repository", "tags", "channels"):
        table.add_column(title)
    for name, each in sorted(known.items()):
        image = each["images"][0]
        channels = ", ".join(channel["Name"] for channel in each["channels"])
        table.add_row(name, image["repository"], ", ".join(image["tags"]), channels)
    Console(soft_wrap=True).print(table)


def _print_algorithm(described: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True, highlight=False)
    table = Table(box=None, pad_edge=False)
    for title in ("hyperparameter", "type", "default", "range"):
        table.add_column(title)
    for each in described["hyperparameters"]:
        default = "required" if each["IsRequired"] else each.get("DefaultValue", "")
        table.add_row(each["Name"], each["Type"], default, _range(each.get("Range", {})))
    console.print(table)
    for channel in described["channels"]:
        needed = "required" if channel["IsRequired"] else "optional"
        types = ", ".join(channel["SupportedContentTypes"])
        console.print(f"channel {channel['Name']} ({needed}): {types}; {', '.join(channel['SupportedInputModes'])}")


def _range(span: Mapping[str, Mapping[str, Any]]) -> str:
    for limits in span.values():
        return ", ".join(limits["Values"]) if "Values" in limits else f"{limits['MinValue']} to {limits['MaxValue']}"
    return ""

"""``sagewright ops``: which of AWS's operations there are, and what their members are."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagewright.commands import CommandFailed
from sagewright.config import Config

_MISSING = "not implemented"
_ORDER = ("behaves", "record-only", _MISSING)
_STYLES = {"behaves": "green", "record-only": "yellow", _MISSING: "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "sagewright ops [--markdown] [SERVICE] | sagewright ops show SERVICE OPERATION"
    parser.add_argument("words", nargs="*", metavar="SERVICE", help="botocore's name of a service: sagemaker, s3 ...")
    parser.add_argument("--markdown", action="store_true", help="all services as a page (docs/coverage.md)")


def run(options: argparse.Namespace) -> int:
    match options.words:
        case [] if options.markdown:
            print(page(coverage()), end="")
        case []:
            _print_services(coverage())
        case ["show", service, operation]:
            _print_operation(service, operation, coverage())
        case [service]:
            _print_service(service, _of(service, coverage()))
        case _:
            raise CommandFailed("use: sagewright ops [SERVICE] | sagewright ops show SERVICE OPERATION")
    return 0


def coverage() -> dict[str, dict[str, str]]:
    """Operation to coverage, by service, for every operation of the services that are there."""
    from sagewright.app import App
    from sagewright.wire import models

    with tempfile.TemporaryDirectory(prefix="sagewright-ops-") as folder:
        app = App(Config(data_dir=Path(folder)))
        try:
            found = {service.name: dict(service.coverage()) for service in app.services}
        finally:
            app.store.close()
    return {
        service: {name: there.get(name, _MISSING) for name in models.operation_names(service)}
        for service, there in found.items()
    }


def page(there: Mapping[str, dict[str, str]]) -> str:
    """The coverage page in Markdown: the operations that are there."""
    lines = [
        "# What is there",
        "",
        "Made by `make docs`. *behaves*: does what it does on AWS. *record-only*: kept and returned, without effect.",
        "Any other operation, of these services or of others, answers HTTP 501 and says so.",
    ]
    for service, operations in sorted(there.items()):
        lines += ["", f"## {service}"]
        for title in _ORDER[:2]:
            names = [name for name, status in operations.items() if status == title]
            if names:
                lines += ["", f"{title} ({len(names)}): {', '.join(names)}"]
    return "\n".join(lines) + "\n"


def _of(service: str, there: Mapping[str, dict[str, str]]) -> dict[str, str]:
    from sagewright.wire import models

    if service in there:
        return there[service]
    if not models.exists(service):
        raise CommandFailed(f"AWS has no service that botocore calls {service!r}")
    return dict.fromkeys(models.operation_names(service), _MISSING)


def _print_services(there: Mapping[str, dict[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("service")
    for title in _ORDER:
        table.add_column(title, justify="right")
    total: Counter[str] = Counter()
    for service, operations in sorted(there.items()):
        counts = Counter(operations.values())
        total += counts
        table.add_row(service, *(str(counts[title]) for title in _ORDER))
    table.add_row("all", *(str(total[title]) for title in _ORDER), style="bold")
    console = Console(soft_wrap=True)
    console.print(table)
    console.print("\nOperations of any other service answer HTTP 501. More: sagewright ops SERVICE", highlight=False)


def _print_service(service: str, operations: Mapping[str, str]) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for title in _ORDER:
        names = [name for name, status in operations.items() if status == title]
        if names:
            console.print(f"{service}: {len(names)} {title}", style="bold")
            for name in names:
                console.print(f"  {name}", style=_STYLES[title])


def _print_operation(service: str, operation: str, there: Mapping[str, dict[str, str]]) -> None:
    from rich.console import Console

    from sagewright.wire import models

    status = _of(service, there).get(operation)
    if status is None:
        raise CommandFailed(f"{service} has no operation {operation!r}")
    model = models.operation(service, operation)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{service} {operation}", style="bold", end=": ")
    console.print(status, style=_STYLES[status])
    console.print(f"def {models.snake_case(operation)}(self, ctx, ...)\n")
    console.print("request", style="bold")
    _print_members(console, model.input_shape)
    console.print("response", style="bold")
    _print_members(console, model.output_shape)
    errors = ", ".join(shape.name for shape in model.error_shapes)
    console.print(f"errors: {errors or 'none named'}")


def _print_members(console: Any, shape: Any, depth: int = 1, above: tuple[str, ...] = ()) -> None:
    """A structure's members, indented; structures and lists of them inside, recursive ones once."""
    if shape is None or not getattr(shape, "members", None):
        if depth == 1:
            console.print("  nothing")
        return
    for name, member in shape.members.items():
        needed = ", required" if name in shape.required_members else ""
        console.print(f"{'  ' * depth}{name}: {_kind(member)}{needed}", markup=False)
        inner = member.member if member.type_name == "list" else member
        if inner.type_name == "structure" and inner.name not in above:
            _print_members(console, inner, depth + 1, (*above, inner.name))


def _kind(shape: Any) -> str:
    """A shape's type with its limits, in a few words."""
    if shape.type_name == "list":
        return f"list of {_kind(shape.member)}"
    if shape.type_name == "map":
        return f"map of {_kind(shape.key)} to {_kind(shape.value)}"
    limits = [
        f"{word} {shape.metadata[key]}" for key, word in (("min", "min"), ("max", "max")) if key in shape.metadata
    ]
    if shape.metadata.get("enum"):
        limits.append(" | ".join(shape.metadata["enum"]))
    return f"{shape.type_name} ({', '.join(limits)})" if limits else str(shape.type_name)

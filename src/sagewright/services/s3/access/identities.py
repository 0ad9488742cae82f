"""What a principal's own policies say of many objects, asked together where the same is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sagewright.kit import permissions
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Context
from sagewright.kit.permissions import Verdict
from sagewright.kit.policy import Facts

_BATCH = 100
"""Resources to ask about at once."""


async def verdicts(
    ctx: Context, principal: Principal, action: str, resources: Sequence[tuple[str, Facts]]
) -> list[Verdict]:
    """One for each resource (its ARN, and what is known of the request for it)."""
    found: dict[int, Verdict] = {}
    for places in _alike(resources):
        known = resources[places[0]][1]
        for start in range(0, len(places), _BATCH):
            some = places[start : start + _BATCH]
            asked = [resources[place][0] for place in some]
            found |= zip(some, await permissions.verdicts(ctx, principal, action, asked, known), strict=True)
    return [found[place] for place in range(len(resources))]


def _alike(resources: Sequence[tuple[str, Facts]]) -> Iterable[list[int]]:
    """Places of the resources for which the same is known."""
    groups: dict[tuple[tuple[str, tuple[str, ...]], ...], list[int]] = {}
    for place, (_, known) in enumerate(resources):
        groups.setdefault(tuple(sorted(known.items())), []).append(place)
    return groups.values()

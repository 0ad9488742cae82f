"""When a key's automatic rotation falls due: each period since rotation was enabled.

A key is looked at when it is used, so one that nobody used for three periods gets one new material, dated at the last
of them: what lay between would have encrypted nothing.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-enable.html
"""

from __future__ import annotations

from sagewright.store import Document

_DAY = 86_400.0


def due(key: Document, now: float) -> float | None:
    """The latest rotation date that has passed without a rotation; None where there is none."""
    rotation = key.body.get("RotationEnabled")
    if rotation is None:
        return None
    period = rotation["Days"] * _DAY
    passed = int((now - rotation["Since"]) // period)
    last = rotation["Since"] + passed * period
    automatic = [one["Created"] for one in key.body["Materials"] if one["Rotation"] == "AUTOMATIC"]
    return last if passed > 0 and last > max(automatic, default=0.0) else None


def following(key: Document, now: float) -> float:
    """The next rotation date of a key whose rotation is enabled."""
    rotation = key.body["RotationEnabled"]
    period = rotation["Days"] * _DAY
    return float(rotation["Since"] + (int((now - rotation["Since"]) // period) + 1) * period)

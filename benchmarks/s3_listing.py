"""ListObjectsV2 of a bucket with 100,000 keys through boto3's paginator, against moto_server with 5,000."""

from __future__ import annotations

import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common import client, median, moto_server

_ROUNDS, _KEYS, _PEER_KEYS = 5, 100_000, 5_000
_BUCKET = "bench"


def _key(number: int) -> str:
    return f"data/{number % 100:02d}/part-{number:06d}.csv"


@contextmanager
def _ours() -> Iterator[str]:
    """A server whose bucket is filled while it is down, with documents like that of one real object."""
    from sagewright.core.clock import SystemClock
    from sagewright.services.s3.records import objects
    from sagewright.store import Store
    from sagewright.testing.server import running_server

    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as folder, running_server(Path(folder)) as handle:
        s3 = client("s3", handle.url)
        s3.create_bucket(Bucket=_BUCKET)
        s3.put_object(Bucket=_BUCKET, Key="data/00/part-000000.csv", Body=b"1,2,3\n")
        handle.stop()
        store = Store(Path(folder), SystemClock())
        space = objects(_BUCKET)
        (one,) = store.documents.find(space)
        with store.transaction():
            for number in range(1, _KEYS):
                store.documents.insert(space, _key(number), one.body)
        store.close()
        handle.start()
        yield handle.url


@contextmanager
def _moto() -> Iterator[str]:
    with moto_server() as url:
        s3 = client("s3", url)
        s3.create_bucket(Bucket=_BUCKET)
        for number in range(_PEER_KEYS):
            s3.put_object(Bucket=_BUCKET, Key=_key(number), Body=b"1,2,3\n")
        yield url


def _list(s3: Any, **asked: str) -> tuple[int, float]:
    """Keys and common prefixes of a whole listing, and its seconds."""
    start = time.perf_counter()
    found = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, **asked):
        found += len(page.get("Contents", ())) + len(page.get("CommonPrefixes", ()))
    return found, time.perf_counter() - start


def _pages(url: str) -> float:
    """Seconds of all pages for a client that does not parse them."""
    keys = sorted(map(_key, range(_KEYS)))
    start = time.perf_counter()
    for after in ["", *keys[999:-1:1000]]:
        with urllib.request.urlopen(f"{url}/{_BUCKET}?list-type=2&encoding-type=url&start-after={after}") as answer:
            answer.read()
    return time.perf_counter() - start


def _check(found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} listed, there are {wanted}")


def run() -> Iterator[str]:
    rates, peers, rolled, plain = [], [], [], []
    with _ours() as url, _moto() as peer_url:
        ours, theirs = client("s3", url), client("s3", peer_url)
        for _ in range(_ROUNDS):
            found, seconds = _list(ours)
            _check(found, _KEYS)
            rates.append(found / seconds)
            found, seconds = _list(theirs)
            _check(found, _PEER_KEYS)
            peers.append(found / seconds)
            found, seconds = _list(ours, Prefix="data/", Delimiter="/")
            _check(found, 100)
            rolled.append(seconds)
            plain.append(_KEYS / _pages(url))
    a, b = median(rates), median(peers)
    yield f"{_KEYS:,} keys: sagewright {a:,.0f} keys/s (reach >= 10,000)"
    yield f"the server alone, for a client that does not parse: {median(plain):,.0f} keys/s"
    yield f"{_PEER_KEYS:,} keys: moto_server {b:,.0f} keys/s, ratio {a / b:.1f}"
    yield f"100 common prefixes over {_KEYS:,} keys: {median(rolled) * 1000:.0f} ms"

"""Lines of CSV, against the csv module, zlib and ipaddress."""

from __future__ import annotations

import csv
import io
import ipaddress
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright_algorithms.ip_insights import requests
from sagewright_algorithms.ip_insights.hashing import numbers
from sagewright_algorithms.ip_insights.kernels import parsing

Array = np.ndarray[Any, Any]


def _parsed(text: bytes) -> tuple[list[tuple[int, int]], Array]:
    room = text.count(b"\n") + text.count(b"\r") + 1
    checksums, addresses = np.empty(room, np.uint32), np.empty(room, np.uint32)
    facts = np.zeros(parsing.FACTS, np.int64)
    parsing.pairs(np.frombuffer(bytearray(text), np.uint8), checksums, addresses, facts)
    kept = int(facts[parsing.KEPT])
    return list(zip(checksums[:kept].tolist(), addresses[:kept].tolist(), strict=True)), facts


def _pair(entity: str, address: str) -> tuple[int, int]:
    return zlib.crc32(entity.encode()), int(ipaddress.IPv4Address(address))


@pytest.mark.parametrize(
    ("line", "entity", "address"),
    [
        ("user_17, 192.168.1.2", "user_17", "192.168.1.2"),
        ("a,0.0.0.0", "a", "0.0.0.0"),
        ("a,255.255.255.255\r", "a", "255.255.255.255"),
        ('"Doe, Jane",10.0.0.1', "Doe, Jane", "10.0.0.1"),
        ('"say ""hi""" ,\t10.0.0.1 ', 'say "hi"', "10.0.0.1"),
        ('a,"10.0.0.1"', "a", "10.0.0.1"),
        ('5" disk,10.0.0.1', '5" disk', "10.0.0.1"),
        (" Zoë ☂ , 10.0.0.1", " Zoë ☂ ", "10.0.0.1"),
        ("10.0.0.1,10.0.0.1", "10.0.0.1", "10.0.0.1"),
    ],
)
def test_lines(line: str, entity: str, address: str) -> None:
    found, facts = _parsed(f"\n{line}\n  \n".encode())
    assert found == [_pair(entity, address)]
    assert facts[parsing.ROWS] == 1


ADDRESSES = (
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.1000",
    "1.2.3.04",
    "01.2.3.4",
    "1.2.3.",
    ".1.2.3",
    "1..2.3",
    "-1.2.3.4",
    "1.2.3.4/32",
    "1. 2.3.4",
    "::ffff:1.2.3.4",
    "2001:db8::1",
    "",
    "ip_address",
    "16909060",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_no_address_is_dropped(address: str) -> None:
    found, facts = _parsed(f"a,1.1.1.1\nb,{address}\nc,2.2.2.2\n".encode())
    assert found == [_pair("a", "1.1.1.1"), _pair("c", "2.2.2.2")]
    assert facts[[parsing.ROWS, parsing.KEPT, parsing.DROPPED, parsing.FIRST, parsing.FAULT]].tolist() == [
        3,
        2,
        1,
        2,
        0,
    ]


def test_what_has_no_entity_is_dropped() -> None:
    found, facts = _parsed(b',1.1.1.1\n"",1.1.1.1\n')
    assert (found, facts[parsing.DROPPED]) == ([], 2)


@pytest.mark.parametrize(
    ("line", "cells"),
    [("a", 1), ("a,b,1.1.1.1", 3), ("a,1.1.1.1,x,", 4), ('"a,1.1.1.1', 0), ('"a"b,1.1.1.1', 0), ('a,"1.1.1.1', 0)],
)
def test_faults(line: str, cells: int) -> None:
    found, facts = _parsed(f"a,1.1.1.1\n\n{line}\nb,1.1.1.1\n".encode())
    assert found == [_pair("a", "1.1.1.1")]
    assert facts[[parsing.FAULT, parsing.CELLS]].tolist() == [2, cells]


_ENTITIES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), min_size=1, max_size=20).filter(str.strip)


@settings(max_examples=200)
@given(st.lists(st.tuples(_ENTITIES, st.integers(0, 2**32 - 1)), min_size=1, max_size=5))
def test_what_the_csv_module_writes(pairs: list[tuple[str, int]]) -> None:
    """And requests are read as files are."""
    stream = io.StringIO()
    csv.writer(stream).writerows((entity, ipaddress.IPv4Address(address)) for entity, address in pairs)
    text = stream.getvalue().encode()
    expected = [_pair(entity, str(ipaddress.IPv4Address(address))) for entity, address in pairs]
    assert _parsed(text)[0] == expected
    request = requests.decode(text, "csv")
    assert list(zip(request.checksums.tolist(), request.addresses.tolist(), strict=True)) == expected


def test_hashes_are_spread_evenly() -> None:
    checksums = np.array([zlib.crc32(f"user_{number}".encode()) for number in range(20_000)], np.uint32)
    for count in (1, 7, 1000, 1024):
        found = np.bincount(numbers(checksums, count), minlength=count)
        assert len(found) == count
        expected = 20_000 / count
        # Chi-squared: its mean is the degrees of freedom, its variance twice as much.
        assert ((found - expected) ** 2 / expected).sum() < count + 6 * np.sqrt(2 * count)
    assert len(np.unique(numbers(checksums, 250_000_000))) > 19_990

"""Lines of CSV, ``entity, IPv4 address``, taken apart: checksums of the entities and addresses as numbers."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from sagewright_algorithms.ip_insights.kernels.compiled import Array, kernel

_TABLE = np.array([zlib.crc32(bytes([byte])) ^ zlib.crc32(b"\0") for byte in range(256)], np.uint32)
_ONES = np.uint32(0xFFFFFFFF)
_EIGHT, _BYTE = np.uint32(8), np.uint32(255)

_SPACE, _TAB, _QUOTE, _COMMA, _POINT, _ZERO, _NINE = (ord(character) for character in ' \t",.09')
_NEWLINE, _RETURN = 10, 13

ROWS, KEPT, DROPPED, FIRST, FAULT, CELLS = range(6)
"""Of what a block was found to be: its rows, those kept and dropped, the first one dropped, and the one at fault (both
counted from 1, 0 for none) with how many columns it has (0: a quote that is not closed).
"""
FACTS = 6


@kernel
def pairs(text: Array, checksums: Array, addresses: Array, facts: Array) -> None:
    """text: (bytes,) uint8, whole lines. checksums, addresses: uint32, room for each line. Ends at a row at fault.

    A row is dropped that has no entity, or whose second column is no IPv4 address.
    """
    rows, kept, dropped, first = 0, 0, 0, 0
    at, size = 0, text.shape[0]
    while at < size:
        end = at
        while end < size and text[end] != _NEWLINE and text[end] != _RETURN:
            end += 1
        begin, at = at, end + 1
        if _blank(text, begin, end):
            continue
        rows += 1
        checksum, after, empty = _entity(text, begin, end)
        cells = 0 if after < 0 else _cells(text, after, end)
        if cells != 2:
            facts[FAULT], facts[CELLS] = rows, cells
            break
        valid, address = _address(text, after + 1, end)
        if valid and not empty:
            checksums[kept], addresses[kept] = checksum, address
            kept += 1
        else:
            dropped += 1
            if first == 0:
                first = rows
    facts[ROWS], facts[KEPT], facts[DROPPED], facts[FIRST] = rows, kept, dropped, first


@kernel
def _blank(text: Array, begin: int, end: int) -> Any:
    index = begin
    while index < end and (text[index] == _SPACE or text[index] == _TAB):
        index += 1
    return index == end


@kernel
def _entity(text: Array, begin: int, end: int) -> Any:
    """(CRC-32 of its bytes, where it ends, whether there are none). A doubled quote inside of quotes is one.

    Ends at -1 where a quote is not closed, or where more than spaces follow the closing one.
    """
    checksum, index = _ONES, begin
    if begin < end and text[begin] == _QUOTE:
        index += 1
        first = index
        while index < end:
            if text[index] == _QUOTE:
                if index + 1 < end and text[index + 1] == _QUOTE:
                    index += 1
                else:
                    break
            checksum = _TABLE[(checksum ^ text[index]) & _BYTE] ^ (checksum >> _EIGHT)
            index += 1
        if index == end:
            return checksum, -1, False
        empty = index == first
        index += 1
        while index < end and (text[index] == _SPACE or text[index] == _TAB):
            index += 1
        if index < end and text[index] != _COMMA:
            return checksum, -1, False
        return checksum ^ _ONES, index, empty
    while index < end and text[index] != _COMMA:
        checksum = _TABLE[(checksum ^ text[index]) & _BYTE] ^ (checksum >> _EIGHT)
        index += 1
    return checksum ^ _ONES, index, index == begin


@kernel
def _cells(text: Array, after: int, end: int) -> Any:
    """Columns of a line whose first one ends here. Commas inside of quotes separate none."""
    count, quoted = 1, False
    for index in range(after, end):
        if text[index] == _QUOTE:
            quoted = not quoted
        elif text[index] == _COMMA and not quoted:
            count += 1
    return 0 if quoted else count


@kernel
def _address(text: Array, begin: int, end: int) -> Any:
    """(whether it is one, its number). Four numbers to 255 without leading zeros; spaces and quotes around them."""
    while begin < end and (text[begin] == _SPACE or text[begin] == _TAB):
        begin += 1
    while begin < end and (text[end - 1] == _SPACE or text[end - 1] == _TAB):
        end -= 1
    if end - begin >= 2 and text[begin] == _QUOTE and text[end - 1] == _QUOTE:
        begin, end = begin + 1, end - 1
    address, octet, digits, points = np.uint32(0), np.uint32(0), 0, 0
    for index in range(begin, end):
        character = text[index]
        if character == _POINT:
            if digits == 0 or points == 3:
                return False, address
            address = (address << _EIGHT) | octet
            octet, digits, points = np.uint32(0), 0, points + 1
        elif _ZERO <= character <= _NINE:
            if digits == 3 or (digits > 0 and octet == 0):
                return False, address
            octet = np.uint32(octet * np.uint32(10) + np.uint32(character - _ZERO))
            digits += 1
            if octet > 255:
                return False, address
        else:
            return False, address
    return points == 3 and digits > 0, np.uint32((address << _EIGHT) | octet)

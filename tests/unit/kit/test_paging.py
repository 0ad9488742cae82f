"""Tokens: those we made, and whatever else a client may send."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit.filters import Listing
from sagewright.kit.paging import decode_token, encode_token
from sagewright.store import Space


@pytest.mark.parametrize("position", [0, 7, "key", "ü\U0001f600", ["created", 1.5, "key", 2.0]])
def test_a_position_comes_back(position: Any) -> None:
    assert decode_token(encode_token(position)) == position
    assert decode_token(encode_token(position), type(position)) == position


def test_no_token_is_no_position() -> None:
    assert decode_token(None) is decode_token("") is None


def _raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize("token", ["x", "%%%", "ü", _raw("{"), _raw("[" * 6000), _raw('"\\ud800"'), "_w=="])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(AwsError, match=r"Invalid NextToken\.") as caught:
        decode_token(token, code="Code")
    assert caught.value.code == "Code"


@pytest.mark.parametrize(("form", "position"), [(int, "a"), (int, -1), (int, True), (int, 1.5), (str, 1), (str, ["a"])])
def test_another_lists_token_is_refused(form: type, position: Any) -> None:
    with pytest.raises(AwsError, match=r"Invalid NextToken\."):
        decode_token(encode_token(position), form)


FOREIGN = [1, "a", [], {}, ["created"], ["created", "text", "a", 1.0], ["key", 1.0, "a", 1.0], ["key", "a", "a", "b"]]


@pytest.mark.parametrize("position", FOREIGN, ids=json.dumps)
@pytest.mark.parametrize("by", ["Name", "CreationTime"])
def test_a_listing_refuses_foreign_positions(in_process: Any, by: str, position: Any) -> None:
    request = {"SortBy": by, "NextToken": encode_token(position)}
    with pytest.raises(AwsError, match=r"Invalid NextToken\."):
        Listing().run(in_process.store, Space("kind", "a", "b"), request, 0.0)


def test_pages_follow_each_other_while_things_come_and_go(in_process: Any) -> None:
    store, clock, space = in_process.store, in_process.clock, Space("kind", "a", "b")

    def run(listing: Listing, **request: Any) -> tuple[list[str], str | None]:
        found, token = listing.run(store, space, {"MaxResults": 2, **request}, clock.now())
        return [document.key for document in found], token

    for order, first, rest in (("Ascending", ["b", "c"], ["d", "e"]), ("Descending", ["e", "d"], ["c", "b"])):
        for name in "bcde":
            store.documents.put(space, name, {"name": name})
            clock.advance(1)
        listing = Listing(order=order, part="name")  # type: ignore[arg-type]
        page, token = run(listing)
        assert page == first
        store.documents.delete(space, page[0])
        clock.advance(1)
        store.documents.insert(space, "z", {})
        assert run(listing, NextToken=token) == (rest, None)
        for name in "bcdez":
            store.documents.delete(space, name)

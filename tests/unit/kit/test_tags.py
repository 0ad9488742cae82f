from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.core.errors import AwsError
from sagewright.kit.tags import TagErrors, Tags
from sagewright.store import Space

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model/m"


@pytest.fixture
def tags(in_process):
    return Tags(in_process.store)


def pairs(**tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def test_add_keeps_order_and_replaces_values(tags):
    tags.add(ARN, pairs(b="1", a="2"))
    assert tags.add(ARN, pairs(c="3", b="4")) == pairs(b="4", a="2", c="3")
    assert tags.list(ARN) == pairs(b="4", a="2", c="3")
    assert tags.of(ARN) == {"b": "4", "a": "2", "c": "3"}


def test_remove_and_forget(tags, in_process):
    tags.add(ARN, pairs(a="1", b="2"))
    tags.remove(ARN, ["a", "never there"])
    assert tags.of(ARN) == {"b": "2"}
    tags.remove(ARN, ["b"])
    assert in_process.store.documents.find(Space("tags", "111122223333", "eu-west-1")) == []
    tags.add(ARN, pairs(a="1"))
    tags.forget(ARN)
    assert tags.list(ARN) == []


def test_accounts_and_regions_are_apart(tags):
    tags.add(ARN, pairs(a="1"))
    assert tags.list(ARN.replace("eu-west-1", "us-east-1")) == []
    assert tags.list("no arn at all") == []


def test_the_51st_tag_is_refused_and_changes_nothing(tags):
    tags.add(ARN, pairs(**{f"k{number}": "v" for number in range(50)}))
    with pytest.raises(AwsError, match="50") as error:
        tags.add(ARN, pairs(k0="new", one_more="v"))
    assert error.value.code == "ValidationException"
    assert tags.of(ARN)["k0"] == "v"
    tags.add(ARN, pairs(k0="new"))
    assert tags.of(ARN)["k0"] == "new"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (pairs(**{"aws:cloudformation:stack-name": "s"}), "aws: prefixed tag key names"),
        (pairs(**{"AWS:x": "s"}), "aws: prefixed tag key names"),
        ([*pairs(a="1"), *pairs(a="2")], "Duplicate tag keys found."),
        (pairs(**{"k" * 129: "v"}), "less than or equal to 128"),
        (pairs(k="v" * 257), "less than or equal to 256"),
    ],
)
def test_rules(tags, bad, message):
    with pytest.raises(AwsError, match=message):
        tags.add(ARN, bad)
    assert tags.list(ARN) == []


def test_case_insensitive_keys_keep_their_first_spelling(in_process):
    tags = Tags(in_process.store, TagErrors("InvalidInput", "LimitExceeded", 409, case_insensitive=True))
    tags.add(ARN, pairs(Team="a"))
    tags.add(ARN, pairs(team="b"))
    assert tags.of(ARN) == {"Team": "b"}
    with pytest.raises(AwsError, match="case insensitive") as error:
        tags.add(ARN, pairs(x="1", X="2"))
    assert error.value.code == "InvalidInput"
    tags.remove(ARN, ["TEAM"])
    assert tags.list(ARN) == []


def test_codes_are_the_services(in_process):
    tags = Tags(in_process.store, TagErrors("InvalidInput", "LimitExceeded", 409))
    with pytest.raises(AwsError) as error:
        tags.add(ARN, pairs(**{str(number): "" for number in range(51)}))
    assert (error.value.code, error.value.status) == ("LimitExceeded", 409)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text(max_size=5), max_size=12))
def test_check_gives_back_what_it_was_given(found):
    class NoStore:
        documents = transaction = None

    assert Tags(NoStore()).check(pairs(**found)) == found

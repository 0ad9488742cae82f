"""The policy language: what a document may say, and what it decides."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.kit.identity import Principal
from sagewright.kit.policy import Caller, PolicyError, context_keys, evaluate, facts, like, parse

ALICE = "arn:aws:iam::111122223333:user/alice"
SESSION = "arn:aws:sts::111122223333:assumed-role/Worker/job-1"
KEY = "arn:aws:s3:::data/alice/a.csv"

user = Principal("user", "111122223333", ALICE, "AIDAEXAMPLEEXAMPLE123")
role = Principal("role", "111122223333", SESSION, "AROAEXAMPLEEXAMPLE123:job-1")
root = Principal("root", "111122223333", "arn:aws:iam::111122223333:root", "111122223333")
stranger = Principal("user", "444455556666", "arn:aws:iam::444455556666:user/alice", "AIDAOTHEROTHEROTHER12")
anonymous = Principal("anonymous")


def statement(**members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*", **members}


def written(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def effect(text: str, known: dict[str, Any] | None = None, action: str = "s3:GetObject", resource: str = KEY) -> str:
    return evaluate(parse(text, "identity").statements, action, resource, facts(known or {})).effect


def met(operator: str, wanted: Any, found: Any, version: str = "2012-10-17") -> bool:
    """Whether a condition on key ``k:K`` holds."""
    known = {} if found is None else {"K:k": found}
    return effect(written(statement(Condition={operator: {"k:K": wanted}}), version=version), known) == "allowed"


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("a*", "a", True),
        ("a*", "b", False),
        ("*a", "ba", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a*b*c", "axxbyyc", True),
        ("a*b*c", "axxbyyd", False),
        ("[ab]", "a", False),
        ("a.c", "abc", False),
        ("*\n*", "a\nb", True),
    ],
)
def test_wildcards(pattern: str, text: str, fits: bool) -> None:
    assert like(pattern, text) is fits


@given(st.text("ab*?", max_size=12), st.text("ab*?\n", max_size=12))
def test_wildcards_are_as_a_regular_expression_has_them(pattern: str, text: str) -> None:
    parts = ({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    assert like(pattern, text) == bool(re.fullmatch("".join(parts), text, re.DOTALL))


def test_no_pattern_is_slow() -> None:
    began = time.process_time()
    assert not like("*a?" * 5000 + "b", "a" * 1024)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("changes", "action", "resource", "expected"),
    [
        ({}, "s3:GetObject", KEY, "allowed"),
        ({}, "S3:getobject", KEY, "allowed"),
        ({}, "s3:PutObject", KEY, "implicitDeny"),
        ({}, "s3:GetObject", "arn:aws:s3:::other/a", "implicitDeny"),
        ({}, "s3:GetObject", "arn:aws:s3:::DATA/a", "implicitDeny"),
        ({"Effect": "Deny"}, "s3:GetObject", KEY, "explicitDeny"),
        ({"Action": ["s3:Put*", "s3:Get?bject"]}, "s3:GetObject", KEY, "allowed"),
        ({"Action": "*"}, "iam:GetUser", KEY, "allowed"),
        ({"Action": None, "NotAction": "s3:Put*"}, "s3:GetObject", KEY, "allowed"),
        ({"Action": None, "NotAction": "s3:Get*"}, "s3:GetObject", KEY, "implicitDeny"),
        ({"Resource": None, "NotResource": "arn:aws:s3:::data/secret/*"}, "s3:GetObject", KEY, "allowed"),
        ({"Resource": None, "NotResource": "arn:aws:s3:::data/*"}, "s3:GetObject", KEY, "implicitDeny"),
    ],
)
def test_actions_and_resources(changes: dict[str, Any], action: str, resource: str, expected: str) -> None:
    members = {name: value for name, value in statement(**changes).items() if value is not None}
    assert effect(written(members), action=action, resource=resource) == expected


def test_a_denial_wins_and_is_told() -> None:
    text = written(statement(Sid="yes"), statement(Sid="no", Effect="Deny", Resource="*"))
    decision = evaluate(parse(text, "identity", "mine").statements, "s3:GetObject", KEY, {})
    assert decision.denied
    assert [(one.sid, one.policy, one.index) for one in decision.matched] == [("no", "mine", 1)]


@pytest.mark.parametrize(
    ("resource", "known", "expected"),
    [
        ("arn:aws:s3:::data/${aws:username}/*", {"aws:username": "alice"}, "allowed"),
        ("arn:aws:s3:::data/${AWS:UserName}/*", {"aws:username": "alice"}, "allowed"),
        ("arn:aws:s3:::data/${aws:username}/*", {"aws:username": "bob"}, "implicitDeny"),
        ("arn:aws:s3:::data/${aws:username}/*", {"aws:username": "*"}, "implicitDeny"),
        ("arn:aws:s3:::data/${aws:username}/*", {}, "implicitDeny"),
        ("arn:aws:s3:::data/${aws:username, 'alice'}/*", {}, "allowed"),
        ("arn:aws:s3:::data/${aws:PrincipalTag/team}/*", {"aws:PrincipalTag/team": "alice"}, "allowed"),
        ("arn:aws:s3:::data/alice/${*}", {}, "implicitDeny"),
        ("arn:aws:s3:::data/${aws:username}/*", {"aws:username": ["alice", "bob"]}, "implicitDeny"),
    ],
)
def test_variables_in_resources(resource: str, known: dict[str, Any], expected: str) -> None:
    assert effect(written(statement(Resource=resource)), known) == expected


def test_variables_for_letters() -> None:
    text = written(statement(Resource="arn:aws:s3:::data/${*}${?}${$}"))
    assert effect(text, resource="arn:aws:s3:::data/*?$") == "allowed"
    assert effect(text, resource="arn:aws:s3:::data/ab$") == "implicitDeny"


def test_variables_mean_nothing_in_the_old_version() -> None:
    text = written(statement(Resource="arn:aws:s3:::data/${aws:username}/*"), version="2008-10-17")
    assert effect(text, {"aws:username": "alice"}) == "implicitDeny"
    assert effect(text, resource="arn:aws:s3:::data/${aws:username}/a") == "allowed"
    assert met("StringEquals", "${aws:username}", "${aws:username}", "2008-10-17")


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", ["b", "a"], "a", True),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringEquals", "a*", "ab", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", None, True),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotEqualsIgnoreCase", "a", "A", False),
        ("StringLike", "a*c?", "abbcd", True),
        ("StringLike", "a*", "b", False),
        ("StringNotLike", "a*", "b", True),
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", 10, "11", False),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "10", False),
        ("NumericGreaterThanEquals", "10", "10", True),
        ("NumericLessThan", "10", "nine", False),
        ("DateEquals", "2024-01-01T00:00:00Z", "1704067200", True),
        ("DateNotEquals", "2024-01-01", "2024-01-01T00:00:01Z", True),
        ("DateLessThan", "2024-01-01T00:00:00Z", "2023-12-31T23:59:59Z", True),
        ("DateGreaterThan", "2024-01-01T00:00:00Z", "2023-12-31T23:59:59Z", False),
        ("DateLessThanEquals", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", True),
        ("DateGreaterThanEquals", "1704067200", "2024-01-01T01:00:00+01:00", True),
        ("Bool", "true", True, True),
        ("Bool", False, True, False),
        ("Bool", "true", None, False),
        ("BoolIfExists", "true", None, True),
        ("BinaryEquals", "QUJD", "QUJD", True),
        ("BinaryEquals", "QUJD", "QUJE", False),
        ("IpAddress", "203.0.113.0/24", "203.0.113.9", True),
        ("IpAddress", "203.0.113.0/24", "203.0.114.9", False),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
        ("IpAddress", "203.0.113.0/24", "2001:db8::1", False),
        ("IpAddress", "203.0.113.9", "203.0.113.9", True),
        ("NotIpAddress", ["203.0.113.0/24", "10.0.0.0/8"], "10.1.1.1", False),
        ("NotIpAddress", "203.0.113.0/24", "10.1.1.1", True),
        ("ArnEquals", "arn:aws:sns:*:111122223333:t*", "arn:aws:sns:us-east-1:111122223333:topic", True),
        ("ArnLike", "arn:aws:sns:*:topic", "arn:aws:sns:us-east-1:111122223333:topic", False),
        ("ArnLike", "*", "arn:aws:sns:us-east-1:111122223333:topic", True),
        ("ArnLike", "arn:aws:s3:::b*", "arn:aws:s3:::bucket:x", True),
        ("ArnNotEquals", "arn:aws:s3:::a", "arn:aws:s3:::b", True),
        ("ArnNotLike", "arn:aws:s3:::*", "arn:aws:s3:::b", False),
        ("Null", "true", None, True),
        ("Null", "true", "x", False),
        ("Null", False, "x", True),
        ("Null", "false", None, False),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", "a", None, True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAnyValue:StringEquals", "a", ["b", "c"], False),
        ("ForAnyValue:StringEquals", "a", None, False),
        ("ForAnyValue:StringEqualsIfExists", "a", None, True),
        ("ForAllValues:StringNotEquals", "a", ["b", "a"], False),
        ("ForAnyValue:StringNotEquals", "a", ["b", "a"], True),
        ("ForAnyValue:StringLike", "x*", ["a", "xy"], True),
    ],
)
def test_condition_operators(operator: str, wanted: Any, found: Any, holds: bool) -> None:
    assert met(operator, wanted, found) is holds


def test_variables_in_conditions() -> None:
    text = written(statement(Condition={"StringLike": {"s3:prefix": "${aws:username}/*"}}))
    assert effect(text, {"s3:prefix": "alice/a", "aws:username": "alice"}) == "allowed"
    assert effect(text, {"s3:prefix": "bob/a", "aws:username": "alice"}) == "implicitDeny"
    assert effect(text, {"s3:prefix": "bob/a", "aws:username": "*"}) == "implicitDeny"
    equals = written(statement(Condition={"StringEquals": {"s3:prefix": "${aws:username}"}}))
    assert effect(equals, {"s3:prefix": "alice", "aws:username": "alice"}) == "allowed"
    assert effect(equals, {"s3:prefix": "alice"}) == "implicitDeny"


def test_every_condition_must_hold() -> None:
    block = {"StringEquals": {"a:A": "1", "b:B": "2"}, "Bool": {"aws:SecureTransport": "true"}}
    text = written(statement(Condition=block))
    assert effect(text, {"a:a": "1", "b:b": "2", "aws:securetransport": True}) == "allowed"
    assert effect(text, {"a:a": "1", "b:b": "3", "aws:securetransport": True}) == "implicitDeny"
    assert effect(text, {"a:a": "1", "b:b": "2", "aws:securetransport": False}) == "implicitDeny"


def resource_decision(principal: Any, who: Principal, canonical: str = "", **members: Any) -> tuple[str, bool]:
    text = written(statement(Principal=principal, **members))
    decision = evaluate(parse(text, "resource").statements, "s3:GetObject", KEY, {}, Caller.of(who, canonical))
    return decision.effect, decision.direct


@pytest.mark.parametrize(
    ("principal", "who", "expected"),
    [
        ("*", anonymous, ("allowed", True)),
        ({"AWS": "*"}, stranger, ("allowed", True)),
        ({"AWS": ALICE}, user, ("allowed", True)),
        ({"AWS": ALICE}, stranger, ("implicitDeny", False)),
        ({"AWS": ALICE}, anonymous, ("implicitDeny", False)),
        ({"AWS": "111122223333"}, user, ("allowed", False)),
        ({"AWS": ["444455556666", "arn:aws:iam::111122223333:root"]}, role, ("allowed", False)),
        ({"AWS": "arn:aws:iam::111122223333:root"}, root, ("allowed", True)),
        ({"AWS": "AIDAEXAMPLEEXAMPLE123"}, user, ("allowed", True)),
        ({"AWS": "arn:aws:iam::111122223333:role/Worker"}, role, ("allowed", True)),
        ({"AWS": "arn:aws:iam::111122223333:role/a/path/Worker"}, role, ("allowed", True)),
        ({"AWS": SESSION}, role, ("allowed", True)),
        ({"AWS": "arn:aws:iam::111122223333:role/Other"}, role, ("implicitDeny", False)),
        ({"Service": "sagemaker.amazonaws.com"}, user, ("implicitDeny", False)),
        ({"CanonicalUser": "ab" * 32}, user, ("allowed", False)),
        ({"CanonicalUser": "cd" * 32}, user, ("implicitDeny", False)),
    ],
)
def test_principals(principal: Any, who: Principal, expected: tuple[str, bool]) -> None:
    canonical = "ab" * 32 if who.account == "111122223333" else "ef" * 32
    assert resource_decision(principal, who, canonical) == expected


def test_a_service_as_principal() -> None:
    text = written({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}})
    statements = parse(text, "trust").statements
    assert evaluate(statements, "sts:AssumeRole", "*", {}, Caller(service="sagemaker.amazonaws.com")).allowed
    assert not evaluate(statements, "sts:AssumeRole", "*", {}, Caller(service="glue.amazonaws.com")).allowed


@pytest.mark.parametrize(
    ("listed", "who", "denied"),
    [
        (["arn:aws:iam::111122223333:root", ALICE], user, False),
        ([ALICE], user, True),
        (["arn:aws:iam::111122223333:root"], user, True),
        (["arn:aws:iam::111122223333:root"], root, False),
        (["111122223333", "arn:aws:iam::111122223333:role/Worker", SESSION], role, False),
        (["111122223333", "arn:aws:iam::111122223333:role/Worker"], role, True),
        (["arn:aws:iam::111122223333:root", ALICE], anonymous, True),
        (["arn:aws:iam::111122223333:root", ALICE], stranger, True),
    ],
)
def test_not_principal_spares_who_is_named_with_the_account(listed: list[str], who: Principal, denied: bool) -> None:
    text = written(
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::data/*", "NotPrincipal": {"AWS": listed}}
    )
    decision = evaluate(parse(text, "resource").statements, "s3:GetObject", KEY, {}, Caller.of(who))
    assert decision.denied is denied


@pytest.mark.parametrize(
    ("text", "kind", "place", "reason"),
    [
        ("", "identity", "", "Syntax errors"),
        ("[]", "identity", "", "Syntax errors"),
        ("[" * 100_000, "identity", "", "Syntax errors"),
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', "identity", "", "Syntax errors"),
        ('{"Version":"2012-10-17"}', "identity", "Statement", "Syntax errors"),
        (written(), "identity", "Statement", "Syntax errors"),
        (written(statement(), version="2013-01-01"), "identity", "Version", "valid version"),
        (written(statement(Wrong=1)), "identity", "Statement[0]", "Unknown field Wrong"),
        (written(statement(), statement(Effect="allow")), "identity", "Statement[1].Effect", "Invalid effect"),
        (written({"Action": "s3:*", "Resource": "*"}), "identity", "Statement[0].Effect", "Missing required"),
        (written(statement(Principal="*")), "identity", "Statement[0].Principal", "should not specify a principal"),
        (written(statement()), "resource", "Statement[0].Principal", "Missing required field Principal"),
        (written(statement(Principal="x")), "resource", "Statement[0].Principal", "Invalid principal"),
        (written(statement(Principal={"AWS": "arn:aws:iam::1:root"})), "resource", "Statement[0].Principal", "Invalid"),
        (written(statement(Principal={"AWS": f"{ALICE}*"})), "resource", "Statement[0].Principal", "Invalid principal"),
        (written(statement(Principal={"Robot": "*"})), "resource", "Statement[0].Principal", "Invalid principal"),
        (written(statement(Action="GetObject")), "identity", "Statement[0].Action", "prefaced by a vendor"),
        (written(statement(Action=[])), "identity", "Statement[0].Action", "must contain actions"),
        (written(statement(Action=5)), "identity", "Statement[0].Action", "Syntax errors"),
        (written(statement(NotAction="s3:*")), "identity", "Statement[0].Action", "must not have both"),
        (written(statement(Resource="bucket")), "identity", "Statement[0].Resource", "ARN format"),
        (written(statement(Resource=[])), "identity", "Statement[0].Resource", "must contain resources"),
        (written(statement(Principal="*")), "trust", "Statement[0].Resource", "prohibited field"),
        (written(statement(Sid="a b")), "identity", "Statement[0].Sid", "alpha-numeric"),
        (written(statement(Sid="a"), statement(Sid="a")), "identity", "Statement", "must be unique"),
        (written(statement(Condition={"Equals": {"a:b": "c"}})), "identity", "Statement[0].Condition", "Invalid Cond"),
        (written(statement(Condition={"NullIfExists": {"a:b": "true"}})), "identity", "Statement[0].Condition", "Inv"),
        (written(statement(Condition={"IpAddress": {"a:b": "1.2.3"}})), "identity", "Statement[0].Condition", "value"),
        (written(statement(Condition={"Bool": {"a:b": {}}})), "identity", "Statement[0].Condition", "Syntax errors"),
        (written(statement(Condition=["x"])), "identity", "Statement[0].Condition", "Syntax errors"),
    ],
)
def test_what_is_no_policy(text: str, kind: Any, place: str, reason: str) -> None:
    with pytest.raises(PolicyError) as found:
        parse(text, kind)
    assert found.value.place == place
    assert reason in found.value.reason


def test_condition_keys_that_a_policy_asks_for() -> None:
    text = written(
        statement(
            Resource="arn:aws:s3:::b/${aws:username, 'x'}/${*}", Condition={"Bool": {"aws:SecureTransport": True}}
        )
    )
    assert context_keys(parse(text, "identity").statements) == {"aws:username", "aws:securetransport"}

"""Filter patterns: fields, regular expressions, wildcards; what they select; hostile ones."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.core.errors import AwsError
from sagewright.services.logs.operands import glob
from sagewright.services.logs.patterns import compile_pattern
from sagewright.services.logs.regex import search

LINE = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("[ip, user, username, timestamp, request, status_code, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code]", False),
        ("[ip, user, username, timestamp, request, status_code, bytes, more]", False),
        ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code = 404, bytes > 1000]", True),
        ("[ip, user, username, timestamp, request, status_code = 404, bytes < 1000]", False),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", True),
        ('[ip, user, username, timestamp, request = "GET /index.html HTTP/1.0", ...]', True),
        ("[..., status_code = 404, bytes]", True),
        ("[..., status_code = 5*, bytes]", False),
        ("[ip = 127.0.0.*, ..., bytes >= 1534]", True),
        ("[ip != 127.0.0.*, ..., bytes]", False),
        ("[..., status_code = 403 || status_code = 404, bytes]", True),
        ("[..., status_code = 4* && status_code != 404, bytes]", False),
        ("[..., (status_code = 4* && status_code != 403) || status_code = 1, bytes]", True),
        (r"[ip = %127\.0\.0\.[0-9]{1,3}%, ...]", True),
        ("[ip, ...]", True),
        ("[...]", True),
        ("[a,b,c,d,e,f,g]", True),
        ("[ip, user != Prod, ...]", False),
        ('[..., status_code = "404", bytes]', True),
    ],
)
def test_fields(pattern: str, fits: bool) -> None:
    assert compile_pattern(pattern).matches(LINE) is fits


def test_fields_in_short_messages() -> None:
    pattern = compile_pattern("[first, ..., last]")
    assert [pattern.matches(text) for text in ("a b", "a", "", 'a "b c" d')] == [True, False, False, True]
    assert pattern.extract('a "b c" [d e] f') == {"$first": "a", "$2": "b c", "$3": "d e", "$last": "f"}


@pytest.mark.parametrize(
    "pattern",
    [
        "[a, b",
        "[a,,b]",
        "[]",
        "[a, a]",
        "[..., a, ...]",
        "[a = 1 || b = 2]",
        "[a = ]",
        "[a b]",
        "[a < x]",
        "[= 1]",
        "[(a = 1]",
        "[" + "(" * 300 + "a=1" + ")" * 300 + "]",
        "{" + "(" * 300 + "$.a=1" + ")" * 300 + "}",
        "{ $.a = %(% }",
        "{ $.a == 1 }",
        "{ $ = 1 }",
        "%(a)%",
        "%[%",
        "%a% %b% %c%",
        "{ $.a = %a% || $.b = %b% || $.c = %c% }",
    ],
)
def test_bad_patterns(pattern: str) -> None:
    with pytest.raises(AwsError, match="Invalid filter pattern"):
        compile_pattern(pattern)


DOCUMENT = json.dumps(
    {
        "code": 404,
        "ip": "10.1.2.3",
        "text": "12",
        "items": [{"id": 1}, {"id": 2}],
        "on": True,
        "a b": 1,
        "e": [],
        "n": None,
    }
)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("{ $.code = 4* }", True),
        ("{ $.code = 5* }", False),
        ("{ $.code = %^4[0-9]{2}$% }", True),
        ("{ $.code = 4.04e2 }", True),
        ('{ $.code = "404" }', False),
        ("{ $.text = 12 }", False),
        ('{ $.text = "12" }', True),
        ("{ $.ip != 10.1.* }", False),
        ("{ $.ip = 10.*.3 }", True),
        (r"{ $.ip = %10\.1\.% }", True),
        ("{ $.items[*].id = 2 }", True),
        ("{ $.items[0].id = 2 }", False),
        ("{ $.items[99999999999999999999].id = 2 }", False),
        ("{ $.items[*].none NOT EXISTS }", True),
        ("{ $.e[*] NOT EXISTS }", True),
        ("{ $.on IS TRUE && ($.n IS NULL && ($.x NOT EXISTS || $.code < 1)) }", True),
        ("{ $.on = true }", False),
        ("{ $['a b'] = 1 }", True),
        ('{ $["a b"] > 1 }', False),
        ("{ $.code >= 404 && $.code <= 404 && $.code > -1 }", True),
    ],
)
def test_json(pattern: str, fits: bool) -> None:
    assert compile_pattern(pattern).matches(DOCUMENT) is fits


def test_what_json_patterns_select() -> None:
    pattern = compile_pattern("{ $.code = 404 && $.items[0].id = * && $.none NOT EXISTS }")
    assert pattern.extract(DOCUMENT) == {"$.code": "404", "$.items[0].id": "1"}
    assert pattern.value(DOCUMENT, "$.items") == '[{"id":1},{"id":2}]'
    assert pattern.value(DOCUMENT, "$.ip") == "10.1.2.3"
    assert pattern.value(DOCUMENT, "code") is None
    assert pattern.value("no json", "$.ip") is None


def test_messages_that_nest_without_end() -> None:
    assert compile_pattern("{ $.a = 1 }").matches('{"a":' * 100_000) is False


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_wildcards_are_those_of_regular_expressions(pattern: str, text: str) -> None:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    assert glob(pattern)(text) is (re.fullmatch(expression, text) is not None)


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\.", "0", "-"])
_REPEATS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"])
_EXPRESSIONS = st.tuples(
    st.sampled_from(["", "^"]),
    st.lists(st.tuples(_ATOMS, _REPEATS).map("".join) | st.just("|"), min_size=1, max_size=6).map("".join),
    st.sampled_from(["", "$"]),
).map("".join)


@settings(max_examples=400)
@given(_EXPRESSIONS, st.text("ab0.-", max_size=9))
def test_expressions_are_python_s(expression: str, text: str) -> None:
    assert search(expression)(text) is (re.search(expression, text, re.ASCII) is not None)


def test_no_expression_takes_long() -> None:
    began = time.process_time()
    for expression in (".*a.*b.*c.*d.*e$", "a*a*a*a*b", "[a-z]+[a-z]+[a-z]+x"):
        assert search(f"{expression}!")("a" * 200_000) is False
    assert time.process_time() - began < 20


@settings(max_examples=300)
@given(st.text(st.sampled_from('{}[]()$.,*%"\\=!<>&|?-ab1 EXISTNOULR'), max_size=30))
def test_patterns_of_any_form(pattern: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except AwsError as error:
        assert error.code == "InvalidParameterException"  # noqa: PT017 - it may also pass
    else:
        for message in (LINE, DOCUMENT, "", "a b"):
            compiled.matches(message)
            compiled.extract(message)

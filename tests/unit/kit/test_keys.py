"""The keys of a server that checks signatures."""

from __future__ import annotations

import stat

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit.gate import Gate
from sagewright.kit.identity import Identity, Principal, identity, issue, set_key_status
from sagewright.kit.keys import close_session, keep_root, keys_of, open_session
from sagewright.kit.root_key import RootKey, keep_root_key, read_root_key, root_key_file
from sagewright.wire import models
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.route import route

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/Trainer"


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("iam::{}:root", "root"),
        ("iam::{}:user/ann", "user"),
        ("iam::{}:user/a:assumed-role/ann", "user"),
        ("sts::{}:assumed-role/r/s", "role"),
        ("sts::{}:federated-user/f", "federated"),
    ],
)
def test_whom_a_key_stands_for(in_process, resource, kind):
    arn = f"arn:aws:{resource.format(ACCOUNT)}"
    made = issue(in_process.store, Identity(ACCOUNT, arn, "ID"), 0.0, seconds=900, policies=["{}"])
    key = keys_of(in_process.store)(made.access_key)
    assert (key.secret, key.token, key.expires) == (made.secret, made.token, made.expires)
    assert key.whom == Principal(kind, ACCOUNT, arn, "ID", ("{}",))


def test_keys_that_are_none(in_process):
    keys = keys_of(in_process.store)
    own = issue(in_process.store, Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", "ID"), 0.0)
    assert keys(own.access_key) is not None
    set_key_status(in_process.store, own.access_key, "Inactive")
    for name in (own.access_key, "test", ACCOUNT, ""):
        assert keys(name) is None


def test_one_root_key_at_a_time(in_process):
    keys = keys_of(in_process.store)
    for name in ("first", "second", "second"):
        keep_root(in_process.store, name, "secret")
    assert keys("first") is None
    assert keys("second").whom == Principal("root", "0" * 12, f"arn:aws:iam::{'0' * 12}:root", "0" * 12)
    assert identity(in_process.store, "second", 0.0).arn.endswith(":root")


def test_a_workloads_session(in_process):
    store = in_process.store
    first = open_session(store, ACCOUNT, "training-1", ROLE, 0.0, 60)
    assert open_session(store, ACCOUNT, "training-1", ROLE, 30.0, 60) == first
    assert open_session(store, ACCOUNT, "training-2", ROLE, 0.0, 60) != first
    key = keys_of(store)(first["AWS_ACCESS_KEY_ID"])
    assert (key.secret, key.token) == (first["AWS_SECRET_ACCESS_KEY"], first["AWS_SESSION_TOKEN"])
    assert key.expires == 60
    assert (key.whom.kind, key.whom.arn) == ("role", f"arn:aws:sts::{ACCOUNT}:assumed-role/Trainer/SageMaker")
    close_session(store, ACCOUNT, "training-1")
    assert keys_of(store)(first["AWS_ACCESS_KEY_ID"]) is None


def test_a_long_jobs_session_outlives_the_sweep_of_others(in_process):
    now = in_process.clock.now()
    mine = open_session(in_process.store, ACCOUNT, "long", ROLE, now, 30 * 86_400)
    in_process.clock.advance(10 * 86_400)
    issue(in_process.store, Identity(ACCOUNT, ROLE, "ID"), in_process.clock.now(), seconds=900)
    assert keys_of(in_process.store)(mine["AWS_ACCESS_KEY_ID"]) is not None


def test_the_root_keys_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_root_key(tmp_path)
    made = keep_root_key(tmp_path)
    assert made.access_key.startswith("AKIA")
    assert len(made.secret) == 40
    assert stat.S_IMODE(root_key_file(tmp_path).stat().st_mode) == 0o600
    assert keep_root_key(tmp_path) == read_root_key(tmp_path) == made
    given = keep_root_key(tmp_path, "mine", "secret")
    assert given == keep_root_key(tmp_path) == RootKey("mine", "secret")
    assert [path.name for path in tmp_path.iterdir()] == ["root-key.json"]
    root_key_file(tmp_path).write_text("{}")
    with pytest.raises(ValueError, match="delete it"):
        keep_root_key(tmp_path)


def unsigned(query=""):
    return HttpRequest("GET", "/bucket/key", query, Headers([("host", "s3.localhost")]), Body.of(b""))


def test_nobody_is_checked_where_signatures_are_not(in_process):
    gate = Gate(in_process.store, in_process.clock, checks=False)
    operation = models.operation("s3", "GetObject")
    to, who = gate.request(unsigned(), route(unsigned()), operation, None)
    assert (to.account, who) == ("0" * 12, None)
    assert gate.form({"x-amz-credential": f"{ACCOUNT}/20240101/us-east-1/s3/aws4_request"}) == (ACCOUNT, ACCOUNT, None)


def test_who_is_anonymous(in_process):
    gate = Gate(in_process.store, in_process.clock, checks=True)
    to, who = gate.request(unsigned(), route(unsigned()), models.operation("s3", "GetObject"), None)
    assert (to.access_key, who) == ("", Principal("anonymous"))
    assert gate.form({"key": "k"}) == ("", "0" * 12, Principal("anonymous"))
    scope = "AKIAUNKNOWN/20240101/us-east-1/s3/aws4_request"
    fields = {"policy": "e30=", "x-amz-credential": scope, "x-amz-date": "20240101T000000Z"}
    fields |= {"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-signature": "0"}
    with pytest.raises(AwsError, match="InvalidAccessKeyId"):
        gate.form(fields)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.core.errors import AwsError
from sagewright.kit import identity as keys
from sagewright.kit.identity import Identity, account_in, identity, issue

USER = Identity("111122223333", "arn:aws:iam::111122223333:user/ann", "AIDAANN")


@pytest.mark.parametrize(
    ("access_key", "account"),
    [
        ("test", "000000000000"),
        ("444455556666", "444455556666"),
        ("AKIAIOSFODNN7EXAMPLE", "000000000000"),
        ("ASIAIOSFODNN7EXAMPLE", "000000000000"),
        ("", "000000000000"),
    ],
)
def test_keys_that_name_nobody_are_a_session_of_the_sagemaker_role(in_process, access_key, account):
    found = identity(in_process.store, access_key, 0.0)
    assert found.account == account
    assert found.arn == f"arn:aws:sts::{account}:assumed-role/SageMakerExecutionRole/sagewright"
    assert not found.temporary


def test_a_session_stands_for_whom_it_was_made_until_its_end(in_process):
    now = in_process.clock.now()
    session = issue(in_process.store, USER, now, seconds=900)
    assert session.access_key.startswith("ASIA")
    assert session.token
    found = identity(in_process.store, session.access_key, now + 899)
    assert (found.account, found.arn, found.user_id, found.temporary) == (USER.account, USER.arn, USER.user_id, True)
    with pytest.raises(AwsError) as error:
        identity(in_process.store, session.access_key, now + 900)
    assert (error.value.code, error.value.status) == ("ExpiredToken", 403)


def test_a_users_key_has_no_end_but_may_be_inactive(in_process):
    key = issue(in_process.store, USER, 0.0)
    assert key.access_key.startswith("AKIA")
    assert identity(in_process.store, key.access_key, 1e12) == USER
    keys.set_key_status(in_process.store, key.access_key, "Inactive")
    with pytest.raises(AwsError, match="InvalidClientTokenId"):
        identity(in_process.store, key.access_key, 0.0)
    keys.revoke(in_process.store, key.access_key)
    assert identity(in_process.store, key.access_key, 0.0).account == "000000000000"


def test_sessions_long_over_are_forgotten(in_process):
    old = issue(in_process.store, USER, in_process.clock.now(), seconds=900)
    own = issue(in_process.store, USER, in_process.clock.now())
    in_process.clock.advance(4 * 86_400)
    issue(in_process.store, USER, in_process.clock.now(), seconds=900)
    assert keys.key_document(in_process.store, old.access_key) is None
    assert keys.key_document(in_process.store, own.access_key) is not None


@given(st.integers(0, 10**12 - 1))
def test_key_ids_carry_their_account(number):
    account = f"{number:012d}"
    key = keys.key_id("ASIA", account)
    assert len(key) == 20
    assert account_in(key) == account


def test_account_in_a_key_of_another_form():
    assert account_in("ASIAQNZGKIQY56JQ7WML") == "029608264753"  # a published example
    assert account_in("AKIAIOSFODNN7EXAMPLE") is None
    assert account_in("test") is None
    assert account_in("AKIA0189") is None

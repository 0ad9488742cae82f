"""The local certificate authority: handshakes in memory against the certificates it makes."""

from __future__ import annotations

import ssl
import stat
import time
from pathlib import Path

import pytest

from sagewright.core.clock import FakeClock
from sagewright.wire.authority import Authority, is_aws


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def handshake(trusted: Path, leaf: Path, host: str) -> None:
    """A client that asks for host and trusts one file, against a server with one certificate. Raises ssl.SSLError."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(leaf)
    client_context = ssl.create_default_context(cafile=str(trusted))
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT  # what Python 3.13 does by itself
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize(
    "host",
    [
        "sts.us-east-1.amazonaws.com",
        "s3.amazonaws.com",
        "my-bucket.s3.eu-west-1.amazonaws.com",
        "a.b.c.s3.amazonaws.com",
        "sagemaker.cn-north-1.amazonaws.com.cn",
        "s3.dualstack.us-east-1.api.aws",
        "d-1.studio.us-east-1.sagemaker.aws",
        "amazonaws.com",
    ],
)
def test_leaf_serves_its_host(authority: Authority, host: str) -> None:
    leaf = authority.make_leaf(host)
    handshake(authority.certificate, leaf, host)
    handshake(authority.bundle, leaf, host)


def test_leaf_serves_its_siblings_only(authority: Authority) -> None:
    leaf = authority.make_leaf("sts.us-east-1.amazonaws.com")
    handshake(authority.certificate, leaf, "logs.us-east-1.amazonaws.com")
    for other in ("sts.us-west-2.amazonaws.com", "a.b.us-east-1.amazonaws.com"):
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            handshake(authority.certificate, leaf, other)


@pytest.mark.parametrize("host", ["pypi.org", "amazonaws.com.evil.org", "notamazonaws.com", "../x.amazonaws.com", ""])
def test_refuses_other_hosts(authority: Authority, host: str) -> None:
    with pytest.raises(ValueError, match="not a host of AWS"):
        authority.make_leaf(host)


def test_a_leaked_key_vouches_for_nothing_else(authority: Authority) -> None:
    authority.make_leaf("sts.us-east-1.amazonaws.com")
    authority._issue("bank.example")  # as a thief of the key would
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(authority.certificate, authority.folder / "leaves" / "bank.example", "bank.example")


def test_keys_are_for_the_owner_alone(authority: Authority) -> None:
    leaf = authority.make_leaf("sts.us-east-1.amazonaws.com")
    assert [stat.S_IMODE(file.stat().st_mode) for file in (authority.key, leaf)] == [0o600, 0o600]
    assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700


def test_kept_until_they_age(authority: Authority) -> None:
    host = "sts.us-east-1.amazonaws.com"
    first = authority.make_leaf(host).read_bytes()
    root = authority.certificate.read_bytes()
    assert Authority(authority.folder).make_leaf(host).read_bytes() == first
    later = Authority(authority.folder, FakeClock(time.time() + 310 * 86400))
    assert later.make_leaf(host).read_bytes() != first
    assert authority.certificate.read_bytes() == root


def test_new_authority_makes_new_leaves(authority: Authority) -> None:
    leaf = authority.make_leaf("sts.us-east-1.amazonaws.com")
    authority.certificate.unlink()
    handshake(authority.certificate, authority.make_leaf("sts.us-east-1.amazonaws.com"), "sts.us-east-1.amazonaws.com")
    assert leaf.exists()


def test_bundle_has_the_users_roots_and_ours_once(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "corporate")
    other.prepare({})
    root, extra = other.certificate.read_text().strip(), tmp_path / "extra.pem"
    extra.write_text(f"# a comment\n{root}\n{root}\n")
    environment = {"REQUESTS_CA_BUNDLE": str(extra), "SSL_CERT_FILE": "/nowhere", "CURL_CA_BUNDLE": str(extra)}
    bundle = authority.prepare(environment).read_text()
    own = authority.certificate.read_text().strip()
    assert bundle.count("BEGIN CERTIFICATE") == 2
    assert root in bundle
    assert own in bundle
    again = authority.prepare({"SSL_CERT_FILE": str(authority.bundle)}).read_text()
    assert again == bundle


def test_bundle_falls_back_to_the_system(authority: Authority) -> None:
    assert authority.prepare({}).read_text().count("BEGIN CERTIFICATE") > 50


@pytest.mark.parametrize(
    ("host", "expected"),
    [("STS.amazonaws.com.", True), ("amazonaws.com", True), ("xamazonaws.com", False), ("amazonaws.com.org", False)],
)
def test_is_aws(host: str, expected: bool) -> None:
    assert is_aws(host) is expected

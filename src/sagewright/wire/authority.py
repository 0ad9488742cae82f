"""The local certificate authority: what the proxy shows clients that ask for ``https://*.amazonaws.com``.

    ca/ca.pem       the authority's certificate, valid for 10 years and (critical name constraints) for AWS's domains
                    only, so that a leaked key vouches for nothing else
    ca/ca.key       its key, 0600
    ca/bundle.pem   the user's own trust roots and ca.pem: what AWS_CA_BUNDLE and its kin point to
    ca/leaves/      certificates with their keys, one a parent domain (``us-east-1.amazonaws.com`` and all below it)

Certificates are made in a short process of their own (``python -m sagewright.wire.authority``), because the library
that makes them costs 60 ms and 15 MB, which a server that only shows them should not pay.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import ssl
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sagewright.core.clock import Clock, SystemClock, as_datetime

DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "api.aws", "sagemaker.aws")
"""Everything at and below these is AWS's."""

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*")
_DAY = 86400
_CA_DAYS = 3650
_LEAF_DAYS = 397
"""The longest that clients accept of a server's certificate."""
_RENEW_DAYS = 300
_FIRST_LEAVES = ("us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com")
"""Made with the authority, so that the usual first connection waits for no process."""

_ROOT_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS
)
_PEM = re.compile(r"-----BEGIN (TRUSTED )?CERTIFICATE-----.+?-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL)


def is_aws(host: str) -> bool:
    """Whether a host name, without its port, is AWS's."""
    name = host.lower().rstrip(".")
    return any(name == domain or name.endswith(f".{domain}") for domain in DOMAINS)


class Authority:
    """Certificates kept in folder; made there when they are first needed."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self._clock = clock or SystemClock()
        self.certificate = folder / "ca.pem"
        self.key = folder / "ca.key"
        self.bundle = folder / "bundle.pem"
        self._contexts: dict[str, asyncio.Task[ssl.SSLContext]] = {}

    def prepare(self, environment: Mapping[str, str]) -> Path:
        """Make the authority where there is none, and the bundle anew from the user's roots; the bundle's path.

        Takes a while the first time only. environment: where the variables that name the user's roots are.
        """
        with self._locked():
            self._ensure_authority()
            self._write_bundle(environment)
        return self.bundle

    def make_leaf(self, host: str) -> Path:
        """The file with key and certificate for host's parent domain. Raises ValueError for a host not AWS's."""
        parent = _parent(host)
        with self._locked():
            self._ensure_authority()
            if not self.bundle.exists():
                self._write_bundle(os.environ)
            if not self._is_fresh(parent):
                self._issue(parent)
        return self._leaf(parent)

    async def context(self, host: str) -> ssl.SSLContext:
        """TLS settings to speak as host. Raises ValueError for a host that is not AWS's, OSError where making fails."""
        parent = _parent(host)
        task = self._contexts.get(parent)
        if task is None or (task.done() and (task.cancelled() or task.exception() or not self._is_fresh(parent))):
            task = self._contexts[parent] = asyncio.create_task(self._load(host))
        return await asyncio.shield(task)

    async def _load(self, host: str) -> ssl.SSLContext:
        parent = _parent(host)
        if not self._is_fresh(parent):
            command = (sys.executable, "-m", __name__, str(self.folder), host)
            process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
            if await process.wait() != 0:
                raise OSError(f"no certificate could be made for {host}")
        return _server_context(self._leaf(parent))

    def _leaf(self, parent: str) -> Path:
        return self.folder / "leaves" / (parent if len(parent) < 200 else _digest(parent))

    def _is_fresh(self, parent: str) -> bool:
        leaf = self._leaf(parent)
        try:
            return self._age_days(leaf) < _RENEW_DAYS and leaf.stat().st_mtime >= self.certificate.stat().st_mtime
        except FileNotFoundError:
            return False

    def _age_days(self, file: Path) -> float:
        return (self._clock.now() - file.stat().st_mtime) / _DAY

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write_bundle(self, environment: Mapping[str, str]) -> None:
        own = self.certificate.read_text()
        bundle = "\n".join([*_roots(environment, own), own])
        if not self.bundle.exists() or self.bundle.read_text() != bundle:
            _replace(self.bundle, bundle.encode(), 0o644)

    def _ensure_authority(self) -> None:
        if self.certificate.exists() and self._age_days(self.certificate) < _CA_DAYS - _LEAF_DAYS:
            return
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Sagewright on {os.uname().nodename}"[:64])])
        builder = (
            _builder(name, name, key, self._clock, _CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(_constraints(), critical=True)
        )
        _replace(self.key, _key_pem(key), 0o600)
        _replace(self.certificate, _signed(builder, key), 0o644)
        for parent in _FIRST_LEAVES:
            self._issue(parent)

    def _issue(self, parent: str) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509.oid import ExtendedKeyUsageOID

        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        authority_key: Any = load_pem_private_key(self.key.read_bytes(), None)
        key = ec.generate_private_key(ec.SECP256R1())
        identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Sagewright")])
        names = x509.SubjectAlternativeName([x509.DNSName(parent), x509.DNSName(f"*.{parent}")])
        builder = (
            _builder(name, authority.subject, key, self._clock, _LEAF_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(names, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
                critical=False,
            )
        )
        leaf = self._leaf(parent)
        leaf.parent.mkdir(exist_ok=True, mode=0o700)
        _replace(leaf, _key_pem(key) + _signed(builder, authority_key), 0o600)


def _parent(host: str) -> str:
    """The domain whose certificate serves host: the one above it, as long as that is AWS's."""
    name = host.lower().rstrip(".")
    if not is_aws(name) or not _HOST.fullmatch(name):
        raise ValueError(f"not a host of AWS: {host!r}")
    above = name.partition(".")[2]
    return above if is_aws(above) else name


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def _server_context(leaf: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(leaf)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _builder(subject: Any, issuer: Any, key: Any, clock: Clock, days: int) -> Any:
    from datetime import timedelta

    from cryptography import x509

    now = as_datetime(clock.now())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of containers lag
        .not_valid_after(now + timedelta(days=days - 1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _constraints() -> Any:
    """AWS's domains and no address at all: types left out of both lists would be free."""
    from ipaddress import ip_network

    from cryptography import x509

    everywhere = [x509.IPAddress(ip_network(net)) for net in ("0.0.0.0/0", "::/0")]
    return x509.NameConstraints([x509.DNSName(domain) for domain in DOMAINS], everywhere)


def _key_usage(*, signs_certificates: bool) -> Any:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: Any, key: Any) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    pem: bytes = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    return pem


def _key_pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def _replace(target: Path, content: bytes, mode: int) -> None:
    fresh = target.with_name(f".{target.name[:200]}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    fresh.rename(target)


def _roots(environment: Mapping[str, str], own: str) -> list[str]:
    """The certificates the user trusts, as PEM, each once; without our own, which an earlier bundle may hold."""
    named = [environment[name] for name in _ROOT_VARIABLES if _is_file(environment.get(name))]
    files = named or [_default_bundle()]
    extra = environment.get("NODE_EXTRA_CA_CERTS")
    if extra and _is_file(extra):
        files.append(extra)
    texts = (Path(file).read_text(errors="replace") for file in dict.fromkeys(files) if file)
    found = dict.fromkeys(pem for text in texts for pem in _certificates(text))
    found.pop(own.strip(), None)
    return list(found)


def _certificates(text: str) -> Iterable[str]:
    return (match[0] for match in _PEM.finditer(text))


def _is_file(path: str | None) -> bool:
    return bool(path) and os.path.isfile(str(path))


@lru_cache(maxsize=1)
def _default_bundle() -> str:
    """The system's roots, else certifi's, else none."""
    defaults = ssl.get_default_verify_paths()
    for file in (defaults.openssl_cafile, *_SYSTEM_BUNDLES):
        if _is_file(file):
            return file
    from importlib.util import find_spec

    certifi = find_spec("certifi")
    return str(Path(certifi.origin).with_name("cacert.pem")) if certifi and certifi.origin else ""


def main(arguments: list[str]) -> int:
    """``FOLDER HOST``: make a certificate for HOST, and the authority in FOLDER before it where there is none."""
    folder, host = arguments
    Authority(Path(folder)).make_leaf(host)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

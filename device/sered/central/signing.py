"""Certificate requests of boxes: what they must be, and the authority's signature under one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sered import names
from sered.central.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

DAYS = 825
"""How long a box's certificate holds, as those of docs/mqtt/make-certificates."""
_LONGEST = 64
"""Characters of a certificate's common name (X.520)."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose signature holds."""

    pem: str = field(repr=False)
    name: str
    """Its common name."""
    fingerprint: str
    """SHA-256 of the public key (DER), 64 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def login(site: str, device: str) -> str:
    """SITE.DEVICE, the common name that is the box's login at the broker; raises InputError.

    No dot within: `a.b` of `c` and `a` of `b.c` would be one login.
    """
    for what, name in (("site", site), ("device", device)):
        try:
            names.level(name)
        except ValueError as error:
            msg = f"{what} {error}."
            raise InputError(msg) from None
        if not _PLAIN.fullmatch(name):
            msg = f"{what}: wanted letters, digits, - and _ only for a certificate, found {name}."
            raise InputError(msg)
    made = f"{site}.{device}"
    if len(made) > _LONGEST:
        msg = f"{made}: a certificate's name has {_LONGEST} characters at most."
        raise InputError(msg)
    return made


def read(pem: str) -> Request:
    """The request in a PEM text; raises InputError with one sentence."""
    try:
        found = x509.load_pem_x509_csr(pem.encode())
        holds = found.is_signature_valid
        key = found.public_key()
    except (ValueError, InvalidSignature, TypeError):
        msg = "Wanted a certificate request in PEM, as `openssl req -new` writes it."
        raise InputError(msg) from None
    if not holds:
        msg = "The request's signature does not hold: it was changed on its way. Send it again."
        raise InputError(msg)
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        msg = "Wanted a request with an EC key on prime256v1: openssl ecparam -name prime256v1."
        raise InputError(msg)
    common = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(common) != 1:
        msg = "Wanted a request for one common name, which is SITE.DEVICE."
        raise InputError(msg)
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return Request(pem, str(common[0].value), digest.finalize().hex())


def authority(certificate: bytes, key: bytes) -> Authority:
    """The authority of two PEM texts, as make-certificates makes it; raises InputError."""
    try:
        of = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError):
        msg = "Wanted ca.crt and ca.key in PEM, the key without a password."
        raise InputError(msg) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        msg = "Wanted an EC key of the authority, as make-certificates makes it."
        raise InputError(msg)
    if of.public_key() != private.public_key():
        msg = "The authority's key is not that of its certificate."
        raise InputError(msg)
    return Authority(of, private)


def sign(by: Authority, request: Request, name: str, now: datetime) -> str:
    """A box's certificate for `name` as PEM: for its key, for a client alone, for DAYS.

    Nothing but the key is taken from the request. Raises InputError where it asks for another name.
    """
    if request.name != name:
        msg = f"The request is for {request.name}, but the token was made for {name}."
        raise InputError(msg)
    key = x509.load_pem_x509_csr(request.pem.encode()).public_key()
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(by.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # a box's clock may be some minutes behind
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_for_signatures(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(by.key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _for_signatures() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )

"""The authority's signed list of certificates that hold no longer, as brokers read it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from sered.central.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sered.central.signing import Authority

_DAYS = 3650
"""A list that has ended locks every box out, so its end is far, as that of make-certificates."""
_RENEW = timedelta(days=365)
"""Before its end a list is signed anew, whether anything was revoked or not."""


def read(pem: bytes, by: Authority) -> x509.CertificateRevocationList:
    """The list in a PEM text; raises InputError where it is none of this authority."""
    try:
        found = x509.load_pem_x509_crl(pem)
    except ValueError:
        msg = "Wanted a list of revoked certificates in PEM, as make-certificates writes crl.pem."
        raise InputError(msg) from None
    if not found.is_signature_valid(by.key.public_key()):
        msg = "The list of revoked certificates is not signed by this authority."
        raise InputError(msg)
    return found


def serial(pem: str) -> int:
    """The serial number of a certificate."""
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def united(
    by: Authority,
    lists: Iterable[x509.CertificateRevocationList],
    revoked: Mapping[int, datetime],
    now: datetime,
) -> x509.CertificateRevocationList:
    """One list of all that stands in any: the first list itself where it has all and a far end.

    `revoked`: serial number to the time of its revocation. Nothing ever leaves the list.
    """
    known = list(lists)
    entries = {serial: _entry(serial, at) for serial, at in revoked.items()}
    for each in reversed(known):
        entries |= {entry.serial_number: entry for entry in each}
    if known and len(entries) == len(known[0]) and _ends(known[0]) - now > _RENEW:
        return known[0]
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by.certificate.subject)
        # a broker's clock may be some minutes behind, and it takes no list of the future
        .last_update(now - timedelta(hours=1))
        .next_update(now + timedelta(days=_DAYS))
        .add_extension(x509.CRLNumber(1 + max(map(_number, known), default=0)), critical=False)
    )
    for _, entry in sorted(entries.items()):
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(by.key, hashes.SHA256())


def text(of: x509.CertificateRevocationList) -> str:
    """The list as PEM."""
    return of.public_bytes(serialization.Encoding.PEM).decode()


def _entry(serial: int, at: datetime) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
    return builder.build()


def _ends(of: x509.CertificateRevocationList) -> datetime:
    # an authority's list without an end is against RFC 5280, and openssl makes none
    assert of.next_update_utc is not None
    return of.next_update_utc


def _number(of: x509.CertificateRevocationList) -> int:
    try:
        return of.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0

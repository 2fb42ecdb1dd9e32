"""A kubelet's request for a serving certificate, and what became of it: pure.

As the signer `kubernetes.io/kubelet-serving` wants it: the node's name and groups as the subject, its host name and
address as alternative names, and these usages exactly.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lightkube.resources.certificates_v1 import CertificateSigningRequest

from scvk.kubelet.api.serving_certificate import ServingCertificate, alternative_names, node_subject, private_pem

SIGNER = "kubernetes.io/kubelet-serving"
USAGES = ("digital signature", "server auth")
"""Of an elliptic key; one of RSA would have `key encipherment`, too."""
EARLIEST_RENEWAL, LATEST_RENEWAL = 0.7, 0.9
"""Shares of a certificate's life, as kubelets have them."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nobody has signed it yet."""

    is_approved: bool


@dataclass(frozen=True, slots=True)
class Issued:
    """It is signed."""

    chain: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It will not be signed; `why` is for people."""

    why: str


Outcome = Waiting | Issued | Refused


def request_manifest(name: str, node: str, address: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Return the CertificateSigningRequest to create."""
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(node_subject(node))
        .add_extension(alternative_names(node, address), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = request.public_bytes(serialization.Encoding.PEM)
    spec = {"request": base64.b64encode(pem).decode(), "signerName": SIGNER, "usages": list(USAGES)}
    return {"metadata": {"name": name}, "spec": spec}


def outcome_of(request: CertificateSigningRequest) -> Outcome:
    """Return what became of a request."""
    status = request.status
    conditions = {one.type: one for one in (status.conditions if status else None) or () if one.status != "False"}
    for kind in ("Denied", "Failed"):
        if (found := conditions.get(kind)) is not None:
            said = ": ".join(part for part in (found.reason, found.message) if part)
            return Refused(f"{kind.lower()}: {said}" if said else kind.lower())
    if status is not None and status.certificate:
        try:
            return Issued(base64.b64decode(status.certificate, validate=True).decode("ascii"))
        except (binascii.Error, ValueError):
            return Refused("what was issued is no certificate")
    return Waiting("Approved" in conditions)


def issued_certificate(chain: str, key: ec.EllipticCurvePrivateKey, now: datetime) -> ServingCertificate:
    """Return the certificate with its key. Raises ValueError where it is none, of another key, or not valid now."""
    leaf = x509.load_pem_x509_certificate(chain.encode())
    if leaf.public_key() != key.public_key():
        raise ValueError("it is of another key")
    if leaf.not_valid_after_utc <= now:
        raise ValueError("it has expired already")
    return ServingCertificate(chain, private_pem(key))


def renewal_time(certificate: ServingCertificate, random: Callable[[], float]) -> datetime:
    """Return when to ask for the next one; `random` returns a number in [0, 1)."""
    leaf = x509.load_pem_x509_certificate(certificate.chain.encode())
    share = EARLIEST_RENEWAL + (LATEST_RENEWAL - EARLIEST_RENEWAL) * random()
    begins = leaf.not_valid_before_utc
    return begins + (leaf.not_valid_after_utc - begins) * share

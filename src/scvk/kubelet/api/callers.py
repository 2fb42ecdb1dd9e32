"""Who calls the kubelet's API: from a client certificate, or from a token that the API server has reviewed."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scvk.kubelet.api.http_protocol import PeerCertificate


@dataclass(frozen=True, slots=True)
class Caller:
    """A user as Kubernetes knows it."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


AUTHENTICATED = "system:authenticated"


def caller_of_certificate(certificate: PeerCertificate, now: datetime) -> Caller | None:
    """Return who a certificate names: its common name, in the groups of its organizations.

    TLS has verified it; a connection may outlive it, so its end is looked at with each request.
    """
    ends = certificate.get("notAfter")
    if not isinstance(ends, str) or ssl.cert_time_to_seconds(ends) <= now.timestamp():
        return None
    fields = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for name, value in fields if name == "commonName"]
    groups = [value for name, value in fields if name == "organizationName"]
    if not names or not names[-1]:
        return None
    return Caller(names[-1], (*groups, AUTHENTICATED))

"""A cluster that signs certificates: an administrator and the signer, on the API server in memory."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.kubelet.in_memory_api import InMemoryApi

FOLDER = "certificatesigningrequests"


class ClusterSigner:
    def __init__(self, api: InMemoryApi) -> None:
        self._api = api
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def requests(self) -> list[str]:
        return [path for path in self._api.objects if path.startswith(f"{FOLDER}/")]

    def asked(self, path: str) -> x509.CertificateSigningRequest:
        pem = base64.b64decode(self._api.objects[path]["spec"]["request"])
        return x509.load_pem_x509_csr(pem)

    def approve(self, path: str) -> None:
        self._condition(path, "Approved")

    def sign(self, path: str, begins: datetime, lifetime: timedelta, *, key: Any = None) -> None:
        """Issue the certificate, for another key where one is given."""
        asked = self.asked(path)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(asked.subject)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")]))
            .public_key(key or asked.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + lifetime)
            .sign(self._key, hashes.SHA256())
        )
        pem = base64.b64encode(certificate.public_bytes(serialization.Encoding.PEM)).decode()
        self._condition(path, "Approved", certificate=pem)

    def deny(self, path: str, message: str) -> None:
        self._condition(path, "Denied", message=message)

    def fail(self, path: str, message: str) -> None:
        self._condition(path, "Failed", message=message)

    def _condition(self, path: str, kind: str, message: str = "", **status: str) -> None:
        condition = {"type": kind, "status": "True", "reason": "Because", "message": message}
        self._api.change(path, {"status": {"conditions": [condition], **status}})

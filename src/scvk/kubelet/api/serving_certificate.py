"""The certificate that the kubelet's API shows, and TLS contexts made of it."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
import warnings
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SELF_SIGNED_FOR = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
CLOCKS_MAY_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ServingCertificate:
    """A certificate chain and its key, as PEM."""

    chain: str
    key: str = field(repr=False)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new private key."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def node_subject(node: str) -> x509.Name:
    """Return whom a kubelet's certificate is for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # X.509 has 64 characters for it, Kubernetes does not mind more
        common_name = x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}", _validate=False)
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"), common_name])


def alternative_names(node: str, address: str) -> x509.SubjectAlternativeName:
    """Return what the API server may call a node by."""
    return x509.SubjectAlternativeName([x509.DNSName(node), x509.IPAddress(ipaddress.ip_address(address))])


def self_signed(node: str, address: str, now: datetime) -> ServingCertificate:
    """Return a new certificate for a node's name and address. The API server accepts it unless it is told a CA."""
    key = new_key()
    name = node_subject(node)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_MAY_DIFFER)
        .not_valid_after(now + SELF_SIGNED_FOR)
        .add_extension(alternative_names(node, address), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return ServingCertificate(certificate.public_bytes(serialization.Encoding.PEM).decode(), private_pem(key))


def expires(certificate: ServingCertificate) -> datetime:
    """Return when a certificate ends."""
    return x509.load_pem_x509_certificate(certificate.chain.encode()).not_valid_after_utc


def server_context(certificate: ServingCertificate, client_authority: str | None) -> ssl.SSLContext:
    """Return a context for new connections. Raises ValueError for PEM that cannot be used.

    Clients may show a certificate of `client_authority`; one of another ends in a TLS alert. Without an authority
    no certificate is asked for.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.TemporaryDirectory(prefix="scvk-") as folder:  # Python's ssl takes the key from files only
        chain, key = Path(folder) / "tls.crt", Path(folder) / "tls.key"
        chain.write_text(certificate.chain, encoding="ascii")
        key.touch(mode=0o600)
        key.write_text(certificate.key, encoding="ascii")
        try:
            context.load_cert_chain(chain, key)
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(f"the certificate and its key cannot be used: {error}") from error
    if client_authority:
        try:
            context.load_verify_locations(cadata=client_authority)
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(f"the certificate authority of clients cannot be used: {error}") from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context

"""The certificates say who somebody is and what they may be used for, and verify against their authority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scvk.testbed.certificates import Authority, KeyPair, new_key, private_pem, public_pem

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def parsed(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def verifier(authority: Authority, at: datetime) -> verification.PolicyBuilder:
    return verification.PolicyBuilder().store(verification.Store([parsed(authority.pair)])).time(at)


def test_client_certificate_carries_user_and_groups() -> None:
    subject = parsed(Authority("ca", NOW).client("jane", ["developers", "testers"])).subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["jane"]
    groups = [name.value for name in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    assert groups == ["developers", "testers"]


@pytest.mark.parametrize(
    ("kind", "usages"),
    [
        pytest.param("client", {ExtendedKeyUsageOID.CLIENT_AUTH}, id="client"),
        pytest.param("server", {ExtendedKeyUsageOID.SERVER_AUTH}, id="server"),
        pytest.param("peer", {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}, id="peer"),
    ],
)
def test_extended_usages(kind: str, usages: set[x509.ObjectIdentifier]) -> None:
    authority = Authority("ca", NOW)
    pair = {
        "client": lambda: authority.client("a"),
        "server": lambda: authority.server("a", ["localhost"]),
        "peer": lambda: authority.peer("a", ["localhost"]),
    }[kind]()
    extension = parsed(pair).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert set(extension.value) == usages


@pytest.mark.parametrize("at", [NOW, NOW + timedelta(days=364)], ids=["at once", "after 364 days"])
def test_server_certificate_verifies_for_its_names(at: datetime) -> None:
    authority = Authority("ca", NOW)
    certificate = parsed(authority.server("api", ["127.0.0.1", "localhost"]))
    server = verifier(authority, at).build_server_verifier(x509.DNSName("localhost"))
    assert server.verify(certificate, [])[0] == certificate


def test_certificate_of_another_authority_does_not_verify() -> None:
    certificate = parsed(Authority("ca", NOW).server("api", ["localhost"]))
    other = verifier(Authority("ca", NOW), NOW).build_server_verifier(x509.DNSName("localhost"))
    with pytest.raises(verification.VerificationError):
        other.verify(certificate, [])


def test_hosts_are_addresses_or_names() -> None:
    certificate = parsed(Authority("ca", NOW).server("api", ["127.0.0.1", "::1", "kubernetes.default"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert names.get_values_for_type(x509.DNSName) == ["kubernetes.default"]


def test_key_belongs_to_certificate() -> None:
    pair = Authority("ca", NOW).client("jane")
    key = serialization.load_pem_private_key(pair.key, None)
    assert key.public_key() == parsed(pair).public_key()


def test_public_key_belongs_to_private_key() -> None:
    key = new_key()
    private = serialization.load_pem_private_key(private_pem(key), None)
    assert serialization.load_pem_public_key(public_pem(key)) == private.public_key()

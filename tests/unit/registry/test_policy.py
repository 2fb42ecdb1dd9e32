"""Which addresses may be connected to, and that the check is where the connection is made."""

from __future__ import annotations

from collections.abc import Iterable

import httpcore2
import httpx2
import pytest

from scvk.registry import AddressPolicy, AddressRefused, RegistryClient, Unreachable, parse_reference
from scvk.registry.connecting import GuardedBackend, GuardedTransport


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("127.0.0.1", "this machine"),
        ("127.8.9.10", "this machine"),
        ("::1", "this machine"),
        ("::ffff:127.0.0.1", "this machine"),
        ("64:ff9b::7f00:1", "this machine"),
        ("2002:7f00:0001::", "this machine"),
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("10.0.0.1", "private"),
        ("172.16.3.4", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("64:ff9b::a00:1", "private"),
        ("0.0.0.0", "private"),
        ("224.0.0.1", "private"),
        ("255.255.255.255", "private"),
        ("nonsense", "no IP address"),
    ],
)
def test_addresses_that_are_refused(address: str, word: str) -> None:
    assert word in (AddressPolicy().refusal("registry.example.com", 443, address) or "")


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert AddressPolicy().refusal("registry.example.com", 443, address) is None


def test_a_listed_host_may_have_any_address() -> None:
    policy = AddressPolicy(plain_http=frozenset({"plain.example:5000"}), private=frozenset({"inside.example"}))
    assert policy.refusal("plain.example", 5000, "10.0.0.1") is None
    assert policy.refusal("inside.example", 443, "10.0.0.1") is None
    assert policy.refusal("plain.example", 5001, "10.0.0.1") is not None
    assert policy.speaks_plain_http("PLAIN.example", 5000)
    assert not policy.speaks_plain_http("inside.example", 443)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_loopback_where_allowed_is_plain(host: str) -> None:
    assert AddressPolicy(loopback=True).speaks_plain_http(host, 5000)
    assert not AddressPolicy().speaks_plain_http(host, 5000)
    assert not AddressPolicy(loopback=True).speaks_plain_http("localhost.example", 5000)


class RecordingBackend(httpcore2.AsyncNetworkBackend):
    """Connects to nothing."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        del port, timeout, local_address, socket_options
        self.tried.append(host)
        raise httpcore2.ConnectError("refused")


async def connect(policy: AddressPolicy, *addresses: str) -> tuple[list[str], Exception | None]:
    """The addresses that were tried for a name with these, through the whole client, and how it ended."""

    async def resolver(_host: str, _port: int) -> list[str]:
        return list(addresses)

    backend = RecordingBackend()
    transport = GuardedTransport(GuardedBackend(policy, resolver, backend))
    async with RegistryClient(policy, transport=transport) as client:
        try:
            await client.image(parse_reference("registry.example.com/app"))
        except (AddressRefused, Unreachable) as error:
            return backend.tried, error
    return backend.tried, None


async def test_a_name_that_resolves_to_a_private_address_is_not_connected_to() -> None:
    tried, error = await connect(AddressPolicy(), "169.254.169.254")
    assert tried == []
    assert isinstance(error, AddressRefused)
    assert "registry.example.com:443" in str(error)


async def test_only_the_allowed_addresses_of_a_name_are_tried_each_by_its_number() -> None:
    tried, error = await connect(AddressPolicy(), "10.0.0.1", "1.1.1.1", "1.0.0.1")
    assert tried == ["1.1.1.1", "1.0.0.1"]
    assert isinstance(error, Unreachable)


async def test_a_name_without_address_is_unreachable() -> None:
    tried, error = await connect(AddressPolicy())
    assert tried == []
    assert isinstance(error, Unreachable)
    assert error.transient


async def test_a_closed_port_is_unreachable() -> None:
    async with RegistryClient(AddressPolicy(loopback=True)) as client:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
            await client.image(parse_reference("127.0.0.1:1/app"))


async def test_by_default_loopback_is_refused() -> None:
    async with RegistryClient() as client:
        with pytest.raises(AddressRefused, match="this machine itself"):
            await client.image(parse_reference("127.0.0.1:1/app"))


async def test_a_name_that_cannot_be_resolved_is_unreachable() -> None:
    async def resolver(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    transport = GuardedTransport(GuardedBackend(AddressPolicy(), resolver))
    async with httpx2.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx2.TransportError, match="no such name"):
            await client.get("https://registry.example.com/")

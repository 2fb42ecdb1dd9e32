"""The options of the kubelet's API, and the socket that is opened by them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from scvk.api_settings import KUBELET_PORT, ApiSettings, api_door
from scvk.settings_error import SettingsError


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


def test_the_port_is_that_of_every_kubelet_unless_told_otherwise() -> None:
    assert ApiSettings().kubelet_port == KUBELET_PORT == 10250


def test_a_port_that_is_taken_ends_the_start_with_the_way_out(taken: int) -> None:
    with (
        pytest.raises(SettingsError, match="Address already in use; --kubelet-port 0 takes a free one") as caught,
        api_door(ApiSettings(kubelet_port=taken), "node-1", "127.0.0.1", now),
    ):
        pass
    assert f"127.0.0.1 port {taken}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_port_0_takes_a_free_one_and_the_door_says_which(taken: int) -> None:
    with api_door(ApiSettings(kubelet_port=0), "node-1", "127.0.0.1", now) as door:
        assert door.port not in (0, taken)
        assert door.configuration["port"] == door.port


def test_an_address_of_another_machine_is_refused_by_the_options_names() -> None:
    settings = ApiSettings(kubelet_port=0)
    with (
        pytest.raises(SettingsError, match=r"--kubelet-address, --kubelet-port: cannot listen on 192\.0\.2\.7"),
        api_door(settings, "node-1", "192.0.2.7", now),
    ):
        pass


def test_an_ipv6_address_is_listened_on() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with api_door(ApiSettings(kubelet_port=0), "node-1", "::1", now) as door:
        assert door.listening.getsockname()[0] == "::1"

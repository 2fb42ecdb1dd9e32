"""The address that the node shows where none was given."""

from __future__ import annotations

import pytest

from scvk.kubelet import address
from scvk.kubelet.address import own_address


@pytest.mark.parametrize(
    ("from_server", "from_default_route", "shown"),
    [
        pytest.param("10.0.0.7", "192.168.1.2", "10.0.0.7", id="the way to the API server"),
        pytest.param("127.0.0.1", "192.168.1.2", "192.168.1.2", id="the API server is on this machine"),
        pytest.param("::1", "192.168.1.2", "192.168.1.2", id="the same by IPv6"),
        pytest.param(None, "192.168.1.2", "192.168.1.2", id="the API server's name is unknown"),
        pytest.param("2001:db8::7", None, "2001:db8::7", id="IPv6 only"),
        pytest.param("127.0.0.1", None, "127.0.0.1", id="a machine without a network"),
        pytest.param(None, None, "127.0.0.1", id="nothing at all"),
    ],
)
def test_loopback_is_shown_only_where_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch, from_server: str | None, from_default_route: str | None, shown: str
) -> None:
    answers = {"k8s.test": from_server, "192.0.2.1": from_default_route}
    monkeypatch.setattr(address, "_source_address", lambda target: answers[target[0]])
    assert own_address("k8s.test", 6443) == shown


def test_the_way_to_this_very_machine_is_loopback() -> None:
    assert address._source_address(("127.0.0.1", 9)) == "127.0.0.1"

"""The port for metrics and health without TLS, and what the agent tells of its options."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from scvk import api_settings
from scvk.api_settings import api_door
from scvk.kubelet.api.listener import listening_socket
from scvk.kubelet.api.server import ApiDoor
from scvk.settings import AgentSettings, SettingsError, checked

KEY = "salad_cloud_user_secret0123456789"


def settings(**given: Any) -> AgentSettings:
    return AgentSettings(
        sce_api_key=KEY,
        sce_organization_name="acme-corp",
        sce_project_name="default",
        kubelet_port=0,
        **given,
    )


def plain_address(given: AgentSettings, node_address: str = "127.0.0.1") -> tuple[str, int] | None:
    with api_door(given, "salad", node_address, lambda: datetime.now(UTC)) as door:
        return _address(door)


def _address(door: ApiDoor) -> tuple[str, int] | None:
    if door.plain is None:
        return None
    address, port = door.plain.getsockname()
    return address, port


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_plain_port_is_on_loopback_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(api_settings, "METRICS_PORT", port)
    assert plain_address(settings(), "127.0.0.2") == ("127.0.0.1", port)


def test_the_nodes_own_address_can_be_asked_for_by_a_word() -> None:
    found = plain_address(settings(metrics_address="node", metrics_port=0), "127.0.0.2")
    assert found is not None
    assert found[0] == "127.0.0.2"


def test_where_the_usual_port_is_taken_a_free_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(listening_socket("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        monkeypatch.setattr(api_settings, "METRICS_PORT", taken)
        found = plain_address(settings())
        assert found is not None
        assert found[1] != taken


def test_a_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    with (
        closing(listening_socket("127.0.0.1", 0)) as other,
        pytest.raises(SettingsError, match=r"--metrics-address, --metrics-port: cannot listen on 127\.0\.0\.1"),
    ):
        plain_address(settings(metrics_port=other.getsockname()[1]))


def test_minus_one_leaves_the_plain_port_away() -> None:
    assert plain_address(settings(metrics_port=-1)) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"metrics_port": -2}, "--metrics-port: -2 is no port, nor -1"),
        ({"metrics_port": 65536}, "--metrics-port: 65536 is no port"),
        ({"metrics_address": "localhost"}, "--metrics-address: 'localhost' is no IP address"),
    ],
)
def test_what_cannot_be_is_one_clear_message(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        checked(settings(**given))


def test_the_configuration_tells_options_and_no_secret() -> None:
    with api_door(settings(metrics_port=0, strict=True), "salad", "127.0.0.1", lambda: datetime.now(UTC)) as door:
        told = json.dumps(dict(door.configuration))
        assert door.configuration["options"]["strict"] is True
        assert door.configuration["options"]["sce-organization-name"] == "acme-corp"
        assert door.configuration["port"] == door.port
        assert door.configuration["metricsPort"] == (_address(door) or ("", 0))[1]
    assert KEY not in told
    assert "sce-api-key" not in door.configuration["options"]

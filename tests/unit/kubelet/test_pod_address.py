"""The address that a pod shows: none, or the node's."""

from __future__ import annotations

from typing import Any

import pytest

from scvk.kubelet.pod_address import with_pod_ip
from tests.unit.kubelet.builders import status

NODE_IP = "10.0.0.7"
SANDBOX = [{"type": "PodReadyToStartContainers", "status": "True"}]
NO_SANDBOX = [{"type": "PodReadyToStartContainers", "status": "False"}]


@pytest.mark.parametrize(
    ("before", "after", "address", "shown"),
    [
        pytest.param(None, {"phase": "Running"}, None, None, id="none by default"),
        pytest.param({"podIP": NODE_IP}, {"phase": "Running"}, None, None, id="taken off when nobody wants it"),
        pytest.param(None, {"phase": "Pending", "conditions": NO_SANDBOX}, NODE_IP, None, id="nothing runs yet"),
        pytest.param(None, {"phase": "Pending"}, NODE_IP, None, id="nothing is known yet"),
        pytest.param(None, {"phase": "Pending", "conditions": SANDBOX}, NODE_IP, NODE_IP, id="about to start"),
        pytest.param(None, {"phase": "Running", "conditions": NO_SANDBOX}, NODE_IP, NODE_IP, id="between two machines"),
        pytest.param({"podIP": NODE_IP}, {"phase": "Succeeded"}, NODE_IP, NODE_IP, id="ended"),
        pytest.param({}, {"phase": "Failed"}, NODE_IP, None, id="failed before it ran"),
    ],
)
def test_a_pod_shows_the_nodes_address_from_when_its_containers_may_start(
    before: dict[str, Any] | None, after: dict[str, Any], address: str | None, shown: str | None
) -> None:
    made = with_pod_ip(None if before is None else status(before), status(after), address)
    assert made.podIP == shown
    assert [each.ip for each in made.podIPs or []] == ([shown] if shown else [])

"""Readiness gates count for the pod's Ready, and for nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from lightkube.models.core_v1 import PodStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.readiness import with_readiness_gates
from scvk.kubelet.status import condition
from tests.unit.kubelet.builders import pod_json, status


def gated(*gates: str, **conditions: str) -> Pod:
    plain: dict[str, Any] = pod_json(
        status={"conditions": [{"type": kind, "status": value} for kind, value in conditions.items()]}
    )
    plain["spec"]["readinessGates"] = [{"conditionType": gate} for gate in gates]
    return msgspec.convert(plain, Pod)


def observed(ready: str = "True") -> PodStatus:
    return status({"conditions": [{"type": kind, "status": ready} for kind in ("ContainersReady", "Ready")]})


@pytest.mark.parametrize(
    ("pod", "ready"),
    [
        pytest.param(gated(), "True", id="no gate"),
        pytest.param(gated("lb"), "False", id="never set"),
        pytest.param(gated("lb", lb="False"), "False", id="closed"),
        pytest.param(gated("lb", lb="Unknown"), "False", id="unknown"),
        pytest.param(gated("lb", lb="True"), "True", id="open"),
        pytest.param(gated("lb", "dns", lb="True", dns="False"), "False", id="one of two"),
    ],
)
def test_a_pod_is_ready_when_all_its_gates_are_true(pod: Pod, ready: str) -> None:
    desired = with_readiness_gates(pod, observed())
    assert [each.status for each in desired.conditions or []] == ["True", ready]


def test_the_gates_that_are_missing_are_named() -> None:
    shut = condition(with_readiness_gates(gated("lb", "dns", dns="True"), observed()), "Ready")
    assert shut is not None
    assert (shut.reason, shut.message) == ("ReadinessGatesNotReady", "readiness gates not True: lb")


def test_a_pod_that_is_not_ready_anyway_keeps_its_own_reason() -> None:
    assert with_readiness_gates(gated("lb"), observed("False")) == observed("False")


def test_the_status_that_was_given_is_not_changed() -> None:
    given = observed()
    with_readiness_gates(gated("lb"), given)
    assert given == observed()

"""The status of a pod that waits for a Secret or ConfigMap, as a kubelet tells it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from lightkube.models.core_v1 import PodStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.inputs import InputNeeds, MissingInput, NamedSecret
from scvk.kubelet.pending_status import waits_for_inputs
from scvk.kubelet.resolution import resolve_inputs
from tests.unit.kubelet.builders import START
from tests.unit.kubelet.given_objects import A_NODE, a_pod, mounting, objects

LACKS_ENV = [{"secretRef": {"name": "absent"}}]
LACKS_VOLUME = {"secret": {"secretName": "absent"}}


def status_of(pod: Pod, *names: str, secrets: tuple[str, ...] = ()) -> PodStatus:
    with pytest.raises(MissingInput) as caught:
        resolve_inputs(
            pod,
            InputNeeds(names or ("main",), tuple(NamedSecret(each, "metadata.annotations[x]") for each in secrets)),
            objects(),
            A_NODE,
        ).complete()
    return waits_for_inputs(pod, caught.value, now=START, host_ip="10.0.0.7")


def waiting(status: PodStatus) -> dict[str, str | None]:
    entries = [*(status.initContainerStatuses or ()), *(status.containerStatuses or ())]
    assert not any(entry.ready or entry.started for entry in entries)
    return {
        entry.name: entry.state.waiting.reason for entry in entries if entry.state is not None and entry.state.waiting
    }


@pytest.mark.parametrize(
    ("pod", "needs", "expected"),
    [
        pytest.param(a_pod(envFrom=LACKS_ENV), (), {"main": "CreateContainerConfigError"}, id="environment"),
        pytest.param(mounting(LACKS_VOLUME), (), {"main": "ContainerCreating"}, id="volume"),
        pytest.param(mounting(LACKS_VOLUME, envFrom=LACKS_ENV), (), {"main": "CreateContainerConfigError"}, id="both"),
        pytest.param(
            a_pod(spec={"initContainers": [{"name": "setup"}]}, envFrom=LACKS_ENV),
            ("setup", "main"),
            {"setup": "PodInitializing", "main": "CreateContainerConfigError"},
            id="environment behind an init container",
        ),
        pytest.param(
            a_pod(spec={"initContainers": [{"name": "setup", "envFrom": LACKS_ENV}]}),
            ("setup", "main"),
            {"setup": "CreateContainerConfigError", "main": "PodInitializing"},
            id="environment of an init container",
        ),
        pytest.param(
            a_pod(spec={"containers": [{"name": "side"}, {"name": "main", "envFrom": LACKS_ENV}]}),
            (),
            {"side": "ContainerCreating", "main": "CreateContainerConfigError"},
            id="one of two",
        ),
    ],
)
def test_each_container_waits_as_one_of_a_kubelet_does(
    pod: Pod, needs: tuple[str, ...], expected: dict[str, str]
) -> None:
    status = status_of(pod, *needs)
    assert waiting(status) == expected
    assert (status.phase, status.hostIP, status.startTime) == ("Pending", "10.0.0.7", START)


def test_a_secret_that_an_annotation_names_keeps_the_first_container_waiting() -> None:
    assert waiting(status_of(a_pod(), secrets=("sink",))) == {"main": "CreateContainerConfigError"}


def test_the_pod_says_everything_that_it_waits_for() -> None:
    status = status_of(mounting(LACKS_VOLUME, envFrom=[{"configMapRef": {"name": "gone"}}]))
    assert status.message
    assert 'secret "absent" not found' in status.message
    assert 'configmap "gone" not found' in status.message
    (entry,) = status.containerStatuses or []
    assert entry.state
    assert entry.state.waiting
    assert entry.state.waiting.message
    assert "gone" in entry.state.waiting.message
    assert "absent" not in entry.state.waiting.message


def test_conditions_say_that_nothing_has_begun() -> None:
    status = status_of(a_pod(spec={"initContainers": [{"name": "setup", "envFrom": LACKS_ENV}]}), "setup")
    assert {entry.type: (entry.status, entry.reason) for entry in status.conditions or []} == {
        "PodReadyToStartContainers": ("False", None),
        "Initialized": ("False", "ContainersNotInitialized"),
        "ContainersReady": ("False", "ContainersNotReady"),
        "Ready": ("False", "ContainersNotReady"),
        "PodScheduled": ("True", None),
    }


def test_what_is_known_already_is_kept() -> None:
    last = {"terminated": {"exitCode": 1, "reason": "Error"}}
    before: dict[str, Any] = {
        "startTime": "2026-02-01T00:00:00Z",
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [
            {"name": "main", "image": "i", "imageID": "", "ready": False, "restartCount": 4, "lastState": last}
        ],
    }
    pod = a_pod(envFrom=LACKS_ENV)
    pod.status = msgspec.convert(before, PodStatus)
    status = status_of(pod)
    (entry,) = status.containerStatuses or []
    assert entry.restartCount == 4
    assert entry.lastState
    assert entry.lastState.terminated
    assert status.startTime == pod.status.startTime
    assert "PodScheduled" not in {each.type for each in status.conditions or []}

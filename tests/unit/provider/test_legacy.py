"""What a group of the Go program says of its pod, and when that is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.provider import PodIdentity, PodKey
from scvk.provider.legacy import legacy_pod, objection
from scvk.saladcloud.models import Container, ContainerGroup
from tests.unit.provider.evidence import UID, a_pod

METADATA = {"name": "web", "namespace": "shop", "uid": UID, "creationTimestamp": "2026-01-02T03:00:00Z", "labels": {}}


def group(name: str = "shop-web", metadata: Any = METADATA, **container: Any) -> ContainerGroup:
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    variables = {"POD_METADATA_YAML": text, **container.pop("variables", {})}
    shown = Container(**{"image": "nginx", "command": ("run",), "environment_variables": variables, **container})
    return ContainerGroup(id="1", name=name, container=shown)


def test_a_group_of_the_go_program_names_its_pod() -> None:
    assert legacy_pod(group()) == PodIdentity(PodKey("shop", "web"), UID)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(group("shop-web-2"), id="another name"),
        pytest.param(group("web"), id="no namespace in the name"),
        pytest.param(group(metadata="{}"), id="empty"),
        pytest.param(group(metadata="name: web"), id="no JSON"),
        pytest.param(group(metadata="[" * 5000), id="endless"),
        pytest.param(group(metadata={**METADATA, "uid": ""}), id="no UID"),
        pytest.param(group(metadata={**METADATA, "uid": ["x"]}), id="UID of another type"),
        pytest.param(group(metadata={**METADATA, "namespace": "other"}), id="another namespace"),
        pytest.param(group(environment_variables={}), id="no metadata"),
        pytest.param(group(environment_variables=None), id="not shown"),
    ],
)
def test_other_groups_name_no_pod(other: ContainerGroup) -> None:
    assert legacy_pod(other) is None


def test_one_name_for_two_pods_is_told_apart_by_the_metadata() -> None:
    one = group("a-b-c", {"namespace": "a", "name": "b-c", "uid": "u1"})
    other = group("a-b-c", {"namespace": "a-b", "name": "c", "uid": "u2"})
    assert legacy_pod(one) == PodIdentity(PodKey("a", "b-c"), "u1")
    assert legacy_pod(other) == PodIdentity(PodKey("a-b", "c"), "u2")


def with_variables(*variables: dict[str, Any]) -> Pod:
    return a_pod(container={"env": list(variables)})


SECRET = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}


@pytest.mark.parametrize(
    ("pod", "made"),
    [
        pytest.param(a_pod(), group(), id="as it is"),
        pytest.param(a_pod(), group(image="docker.io/library/nginx:latest"), id="image written out"),
        pytest.param(a_pod(container={"command": None}), group(command=None), id="no command"),
        pytest.param(a_pod(container={"command": None}), group(command=()), id="empty command"),
        pytest.param(with_variables({"name": "A", "value": "1"}), group(variables={"A": "1"}), id="variable"),
        pytest.param(with_variables(SECRET), group(variables={"TOKEN": "old"}), id="a Secret that changed since"),
        pytest.param(with_variables({"name": "A", "value": "$(B)"}), group(variables={"A": "x"}), id="reference"),
        pytest.param(with_variables({"name": "KUBERNETES_PORT", "value": "1"}), group(), id="left out"),
        pytest.param(a_pod(), group(variables={"FROM_SERVICE": "1"}), id="more than the pod says"),
    ],
)
def test_what_the_go_program_would_have_made_of_the_pod_is_believed(pod: Pod, made: ContainerGroup) -> None:
    assert objection(pod, made) is None


@pytest.mark.parametrize(
    ("pod", "made", "word"),
    [
        pytest.param(a_pod(), group(image="evil"), "image", id="image"),
        pytest.param(a_pod(), group(image=None), "image", id="image not shown"),
        pytest.param(a_pod(), group(command=("mine",)), "command", id="command"),
        pytest.param(with_variables({"name": "A", "value": "1"}), group(), "variable A", id="variable missing"),
        pytest.param(
            with_variables({"name": "A", "value": "1"}),
            group(variables={"A": "2"}),
            "variable A",
            id="variable differs",
        ),
        pytest.param(
            with_variables({"name": "POD_METADATA_YAML", "value": json.dumps(METADATA)}),
            group(),
            "sets",
            id="imitation",
        ),
        pytest.param(with_variables({"name": "SCVK_POD_UID", "value": "x"}), group(), "sets", id="marks"),
    ],
)
def test_what_it_would_not_have_made_is_not(pod: Pod, made: ContainerGroup, word: str) -> None:
    told = objection(pod, made)
    assert told is not None
    assert word in told

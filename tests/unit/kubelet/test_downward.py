"""Fields and resources of a pod as text (pkg/fieldpath and pkg/api/v1/resource have these cases and more)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from lightkube.models.core_v1 import Container, ObjectFieldSelector, ResourceFieldSelector

from scvk.kubelet.downward import (
    DownwardError,
    NodeView,
    go_quoted,
    metadata_field,
    variable_field,
    variable_resource,
    volume_resource,
)
from tests.unit.kubelet.given_objects import A_NODE, a_pod

METADATA = {
    "labels": {"tier": "front", "app.example.com/name": "web"},
    "annotations": {"note": 'say "hi"\n\\o/', "Example.COM/Key": "v", "é": "ü"},
}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("metadata.name", "web"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "uid-a"),
        ("metadata.labels['tier']", "front"),
        ("metadata.labels['app.example.com/name']", "web"),
        ("metadata.labels['absent']", ""),
        ("metadata.annotations['Example.COM/Key']", "v"),
        ("metadata.labels", 'app.example.com/name="web"\ntier="front"'),
        ("metadata.annotations", 'Example.COM/Key="v"\nnote="say \\"hi\\"\\n\\\\o/"\né="ü"'),
        ("spec.nodeName", "worker"),
        ("spec.host", "worker"),
        ("spec.serviceAccountName", "robot"),
        ("status.hostIP", "10.0.0.7"),
        ("status.hostIPs", "10.0.0.7,fd00::7"),
        ("status.podIP", None),
        ("status.podIPs", None),
    ],
)
def test_fields_that_a_variable_may_have(path: str, text: str | None) -> None:
    pod = a_pod(metadata=METADATA, spec={"nodeName": "worker", "serviceAccountName": "robot"})
    assert variable_field(pod, ObjectFieldSelector(fieldPath=path), A_NODE) == text


def test_the_addresses_of_a_pod_that_has_some() -> None:
    pod = msgspec.convert(
        {"status": {"podIP": "10.2.0.1", "podIPs": [{"ip": "10.2.0.1"}, {"ip": "fd::1"}]}}, a_pod().__class__
    )
    fields = [variable_field(pod, ObjectFieldSelector(fieldPath=f"status.podIP{s}"), A_NODE) for s in ("", "s")]
    assert fields == ["10.2.0.1", "10.2.0.1,fd::1"]


def test_where_pods_have_the_nodes_address_a_variable_has_it_before_the_pod_shows_it() -> None:
    there = replace(A_NODE, pod_ip="10.0.0.7")
    fields = [variable_field(a_pod(), ObjectFieldSelector(fieldPath=f"status.podIP{s}"), there) for s in ("", "s")]
    assert fields == ["10.0.0.7", "10.0.0.7"]


def test_a_pod_of_a_manifest_has_the_fields_that_the_cluster_would_give_it() -> None:
    pod = a_pod(metadata={"namespace": None})
    read = [
        variable_field(pod, ObjectFieldSelector(fieldPath=path), A_NODE)
        for path in ("metadata.namespace", "spec.nodeName", "spec.serviceAccountName")
    ]
    assert read == ["default", "salad", "default"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "metadata",
        "metadata.generation",
        "metadata.labels['']",
        "metadata.labels['a b']",
        "metadata.labels['/a']",
        "metadata.labels['A.example/x/y']",
        "metadata.name['x']",
        "status.phase",
        "spec.schedulerName",
    ],
)
def test_fields_that_there_are_not(path: str) -> None:
    with pytest.raises(DownwardError):
        variable_field(a_pod(metadata=METADATA), ObjectFieldSelector(fieldPath=path), A_NODE)


def test_a_volume_may_have_metadata_only() -> None:
    with pytest.raises(DownwardError, match=r"spec\.nodeName"):
        metadata_field(a_pod(), "spec.nodeName")


def test_fields_are_of_the_first_version() -> None:
    with pytest.raises(DownwardError, match="v2"):
        variable_field(a_pod(), ObjectFieldSelector(fieldPath="metadata.name", apiVersion="v2"), A_NODE)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("tab\t\x07\x00\x7f", r'"tab\t\a\x00\x7f"'),
        ("soft\u00adhyphen\u200b\U000e0001", r'"soft\u00adhyphen\u200b\U000e0001"'),
        ("naïve ☺ 漢", '"naïve ☺ 漢"'),
        ("no\u00a0break", r'"no\u00a0break"'),
    ],
)
def test_values_are_quoted_as_go_does(text: str, quoted: str) -> None:
    assert go_quoted(text) == quoted


def resource(written: dict[str, Any], selector: str, *, divisor: Any = None, of: str | None = None, **spec: Any) -> str:
    pod = a_pod(resources=written, spec=spec)
    assert pod.spec
    chosen = ResourceFieldSelector(resource=selector, divisor=divisor, containerName=of)
    return variable_resource(pod, pod.spec.containers[0], chosen, A_NODE)


OWN = {
    "requests": {"cpu": "100m", "memory": "1500k", "ephemeral-storage": "1", "hugepages-2Mi": "4Mi"},
    "limits": {"cpu": "1500m", "memory": "2Gi", "ephemeral-storage": "3Gi", "hugepages-2Mi": "6Mi"},
}


@pytest.mark.parametrize(
    ("selector", "divisor", "text"),
    [
        ("limits.cpu", None, "2"),
        ("limits.cpu", "0", "2"),
        ("limits.cpu", "1m", "1500"),
        ("limits.cpu", "1", "2"),
        ("requests.cpu", "1", "1"),
        ("requests.cpu", "1m", "100"),
        ("limits.memory", None, "2147483648"),
        ("limits.memory", "1Mi", "2048"),
        ("limits.memory", "1G", "3"),
        ("requests.memory", "1Ki", "1465"),
        ("requests.memory", "1Gi", "1"),
        ("limits.ephemeral-storage", "1Gi", "3"),
        ("requests.ephemeral-storage", "1Mi", "1"),
        ("limits.hugepages-2Mi", "1Mi", "6"),
        ("requests.hugepages-2Mi", "1Mi", "4"),
        ("requests.hugepages-1Gi", "1", "0"),
    ],
)
def test_resources_are_rounded_up_to_whole_divisors(selector: str, divisor: str | None, text: str) -> None:
    assert resource(OWN, selector, divisor=divisor) == text


@pytest.mark.parametrize(
    ("written", "spec", "selector", "divisor", "text"),
    [
        pytest.param({}, {}, "limits.cpu", "1", "16", id="node"),
        pytest.param({}, {}, "limits.memory", "1Gi", "64", id="node's memory"),
        pytest.param({}, {}, "limits.ephemeral-storage", "1Gi", "100", id="node's storage"),
        pytest.param({"limits": {"cpu": "0"}}, {}, "limits.cpu", "1", "16", id="zero is none"),
        pytest.param({"requests": {"cpu": "2"}}, {}, "limits.cpu", "1", "16", id="a request is no limit"),
        pytest.param({}, {"resources": {"limits": {"cpu": "3"}}}, "limits.cpu", "1", "3", id="pod"),
        pytest.param(
            {"limits": {"cpu": "1"}}, {"resources": {"limits": {"cpu": "3"}}}, "limits.cpu", "1", "1", id="own"
        ),
        pytest.param({}, {}, "limits.hugepages-2Mi", "1", "0", id="huge pages are never given twice"),
        pytest.param({}, {}, "requests.cpu", "1", "0", id="no request"),
        pytest.param({"limits": {"cpu": "2"}}, {}, "requests.cpu", "1", "2", id="a limit is a request"),
    ],
)
def test_a_limit_that_is_not_set_is_the_pods_or_what_the_node_can_give(
    written: dict[str, Any], spec: dict[str, Any], selector: str, divisor: str, text: str
) -> None:
    assert resource(written, selector, divisor=divisor, **spec) == text


OTHERS = {
    "containers": [
        {"name": "main", "resources": {"limits": {"cpu": "1"}}},
        {"name": "side", "resources": {"limits": {"cpu": "4"}}},
        {"name": "idle"},
    ],
    "initContainers": [{"name": "first", "resources": {"limits": {"cpu": "5"}}}, {"name": "second"}],
}


@pytest.mark.parametrize(
    ("name", "variable", "file"),
    [("side", "4", "4"), ("idle", "16", "16"), ("first", "5", "5"), ("second", "0", "16")],
)
def test_resources_of_another_container(name: str, variable: str, file: str) -> None:
    pod = a_pod(spec=OTHERS)
    assert pod.spec
    selector = ResourceFieldSelector(resource="limits.cpu", containerName=name)
    assert variable_resource(pod, pod.spec.containers[0], selector, A_NODE) == variable
    assert volume_resource(pod, selector, A_NODE) == file


@pytest.mark.parametrize(
    ("selector", "name", "divisor"),
    [
        ("limits.nvidia.com/gpu", None, None),
        ("capacity.cpu", None, None),
        ("limits.cpu", "nobody", None),
        ("limits.cpu", None, "many"),
        ("limits.cpu", None, "-1"),
        ("cpu", None, None),
    ],
)
def test_resources_that_there_are_not(selector: str, name: str | None, divisor: str | None) -> None:
    with pytest.raises(DownwardError):
        resource(OWN, selector, divisor=divisor, of=name)


def test_a_container_of_no_pod_has_what_a_node_without_figures_gives() -> None:
    selector = ResourceFieldSelector(resource="limits.cpu")
    assert variable_resource(a_pod(), Container(name="other"), selector, NodeView()) == "0"

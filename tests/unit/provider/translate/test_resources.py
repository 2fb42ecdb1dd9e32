"""CPU, memory, storage and GPUs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.core_v1 import Container

from scvk.kubelet.quantities import parse_quantity
from scvk.provider.translate import Outcome, Translation
from scvk.provider.translate.finding import Report
from scvk.provider.translate.policy import Policy, ResourceSteps
from scvk.provider.translate.resources import resources_of

Translate = Callable[..., Translation]


@pytest.mark.parametrize(
    ("asked", "cores"),
    [(None, 1), ("0", 1), ("1m", 1), ("1", 1), ("1001m", 2), ("1500m", 2), ("2", 2), ("1e1", 10), (4, 4), (0.5, 1)],
)
def test_cpu_is_rounded_up_to_whole_cores(translated: Translate, asked: str | float | None, cores: int) -> None:
    request = translated(resources={"requests": {} if asked is None else {"cpu": asked}}).request
    assert request is not None
    assert request.container.resources.cpu == cores


@pytest.mark.parametrize(
    ("asked", "megabytes"),
    [
        (None, 1024),
        ("64Mi", 1024),
        ("1G", 1024),
        ("1Gi", 1024),
        ("1073741825", 2048),
        ("2G", 2048),
        ("2Gi", 2048),
        ("2100Mi", 3072),
        ("8Gi", 8192),
        ("2147483648000m", 2048),
    ],
)
def test_memory_is_rounded_up_to_whole_gib(translated: Translate, asked: str | None, megabytes: int) -> None:
    request = translated(resources={"requests": {} if asked is None else {"memory": asked}}).request
    assert request is not None
    assert request.container.resources.memory == megabytes


@pytest.mark.parametrize(
    ("asked", "storage_bytes"),
    [(None, None), ("0", None), ("1", 2**30), ("1Gi", 2**30), ("1500M", 1_500_000_000), ("50Gi", 50 * 2**30)],
)
def test_storage_is_given_in_bytes_from_one_gib(
    translated: Translate, asked: str | None, storage_bytes: int | None
) -> None:
    requests = {} if asked is None else {"ephemeral-storage": asked}
    request = translated(resources={"requests": requests}).request
    assert request is not None
    assert request.container.resources.storage_amount == storage_bytes


def test_limits_count_where_there_is_no_request(translated: Translate) -> None:
    translation = translated(resources={"limits": {"cpu": "3", "memory": "3Gi", "ephemeral-storage": "3Gi"}})
    assert translation.findings == ()
    assert translation.request is not None
    resources = translation.request.container.resources
    assert (resources.cpu, resources.memory, resources.storage_amount) == (3, 3072, 3 * 2**30)


@pytest.mark.parametrize(
    ("requests", "limits", "paths"),
    [
        ({"cpu": "1"}, {"cpu": "4"}, ["spec.containers[0].resources.limits.cpu"]),
        ({"memory": "1Gi"}, {"memory": "1025Mi"}, ["spec.containers[0].resources.limits.memory"]),
        (
            {"ephemeral-storage": "1Gi"},
            {"ephemeral-storage": "2Gi"},
            ["spec.containers[0].resources.limits.ephemeral-storage"],
        ),
        ({"cpu": "100m", "memory": "100Mi"}, {"cpu": "1", "memory": "1Gi"}, []),
    ],
)
def test_a_limit_above_what_is_granted_is_degraded(
    translated: Translate, requests: dict[str, str], limits: dict[str, str], paths: list[str]
) -> None:
    translation = translated(resources={"requests": requests, "limits": limits})
    assert translation.request is not None
    assert [(each.outcome, each.path) for each in translation.findings] == [(Outcome.DEGRADED, path) for path in paths]


@pytest.mark.parametrize(
    ("resources", "path", "code"),
    [
        ({"requests": {"cpu": "1025"}}, "requests.cpu", "ResourceBeyondLimit"),
        ({"limits": {"memory": "2Pi"}}, "limits.memory", "ResourceBeyondLimit"),
        ({"requests": {"ephemeral-storage": "2Pi"}}, "requests.ephemeral-storage", "ResourceBeyondLimit"),
        ({"requests": {"cpu": "1e2147483647"}}, "requests.cpu", "InvalidQuantity"),
        ({"requests": {"cpu": "many"}}, "requests.cpu", "InvalidQuantity"),
        ({"limits": {"example.com/dongle": "1"}}, "limits[example.com/dongle]", "UnsupportedResource"),
        ({"limits": {"amd.com/gpu": "1"}}, "limits[amd.com/gpu]", "UnsupportedResource"),
        ({"limits": {"hugepages-2Mi": "64Mi"}}, "limits.hugepages-2Mi", "UnsupportedResource"),
        ({"requests": {"cpu": "-1"}}, "requests.cpu", "InvalidQuantity"),
        ({"limits": {"nvidia.com/gpu": "500m"}}, "limits[nvidia.com/gpu]", "UnsupportedResource"),
        ({"claims": [{"name": "gpu"}]}, "claims", "UnsupportedResourceClaim"),
    ],
)
def test_what_saladcloud_does_not_have_is_refused(
    translated: Translate, resources: dict[str, Any], path: str, code: str
) -> None:
    translation = translated(resources=resources, annotations={"salad.com/gpu-classes": "rtx4090"})
    assert translation.request is None
    assert (f"spec.containers[0].resources.{path}", code) in [
        (each.path, each.reason_code) for each in translation.findings
    ]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("hugepages-2Mi", "let the program do with ordinary memory"),
        ("amd.com/gpu", "ask for GPUs with nvidia.com/gpu"),
        ("nvidia.com/mig-1g.5gb", "ask for GPUs with nvidia.com/gpu"),
        ("example.com/dongle", "keep the pod off the node"),
    ],
)
def test_the_advice_fits_the_resource(translated: Translate, name: str, advice: str) -> None:
    (finding,) = translated(resources={"limits": {name: "2"}}).findings
    assert advice in finding.reason
    assert ("GPU" in finding.reason) is ("GPU" in advice)


def test_a_resource_of_zero_asks_for_nothing(translated: Translate) -> None:
    assert translated(resources={"limits": {"example.com/dongle": "0", "nvidia.com/gpu": "0"}}).findings == ()


LEGACY = Policy(resource_steps=ResourceSteps.LEGACY)


@pytest.mark.parametrize(
    ("cpu", "memory", "granted"),
    [
        ("500m", "100Mi", (1, 1024)),
        ("1500m", "2G", (2, 2048)),
        ("5", "5Gi", (6, 6 * 1024)),
        ("7", "7Gi", (8, 8 * 1024)),
        ("9", "17Gi", (12, 24 * 1024)),
        ("13", "25Gi", (16, 30 * 1024)),
        ("16", "31Gi", (16, 38 * 1024)),
        ("16", "39Gi", (16, 60 * 1024)),
    ],
)
def test_legacy_steps_are_those_of_the_go_program(
    translated: Translate, cpu: str, memory: str, granted: tuple[int, int]
) -> None:
    request = translated(resources={"requests": {"cpu": cpu, "memory": memory}}, policy=LEGACY).request
    assert request is not None
    assert (request.container.resources.cpu, request.container.resources.memory) == granted


@pytest.mark.parametrize(("asked", "most"), [({"cpu": "17"}, "16 cores"), ({"memory": "61Gi"}, "60 GiB")])
def test_beyond_the_last_legacy_step_is_refused_with_it(
    translated: Translate, asked: dict[str, str], most: str
) -> None:
    (finding,) = translated(resources={"requests": asked}, policy=LEGACY).findings
    assert finding.reason_code == "ResourceBeyondLimit"
    assert most in finding.reason


def pod_level(**kinds: dict[str, str]) -> dict[str, Any]:
    return {"resources": kinds}


@pytest.mark.parametrize(
    ("own", "pod", "cpu"),
    [
        pytest.param({}, pod_level(requests={"cpu": "3"}), 3, id="the pod's request"),
        pytest.param({}, pod_level(limits={"cpu": "3"}), 3, id="the pod's limit"),
        pytest.param({}, pod_level(requests={"cpu": "2"}, limits={"cpu": "2"}), 2, id="request before limit"),
        pytest.param({"requests": {"cpu": "2"}}, pod_level(requests={"cpu": "2"}), 2, id="the container's own"),
        pytest.param({"limits": {"cpu": "2"}}, pod_level(limits={"cpu": "2"}), 2, id="the container's own limit"),
        pytest.param({"requests": {"memory": "1Gi"}}, pod_level(requests={"cpu": "3"}), 3, id="each for itself"),
    ],
)
def test_the_pods_resources_count_where_the_container_sets_none(
    translated: Translate, own: dict[str, Any], pod: dict[str, Any], cpu: int
) -> None:
    translation = translated(resources=own, spec=pod)
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.container.resources.cpu == cpu


@pytest.mark.parametrize(
    ("own", "pod", "path", "code"),
    [
        ({}, pod_level(requests={"cpu": "1"}, limits={"cpu": "4"}), "spec.resources.limits.cpu", "LimitAboveGranted"),
        (
            {"requests": {"cpu": "1"}},
            pod_level(requests={"cpu": "4"}),
            "spec.resources.requests.cpu",
            "PodRequestAboveGranted",
        ),
    ],
)
def test_what_the_pod_asks_for_beyond_the_container_is_degraded(
    translated: Translate, own: dict[str, Any], pod: dict[str, Any], path: str, code: str
) -> None:
    translation = translated(resources=own, spec=pod)
    assert translation.request is not None
    assert [(each.outcome, each.path, each.reason_code) for each in translation.findings] == [
        (Outcome.DEGRADED, path, code)
    ]


@pytest.mark.parametrize(
    ("pod", "path"),
    [
        (pod_level(requests={"hugepages-2Mi": "2Mi"}), "spec.resources.requests.hugepages-2Mi"),
        (pod_level(limits={"nvidia.com/gpu": "1"}), "spec.resources.limits[nvidia.com/gpu]"),
        (pod_level(limits={"salad.com/rtx4090": "1"}), "spec.resources.limits[salad.com/rtx4090]"),
        (pod_level(requests={"ephemeral-storage": "2Gi"}), "spec.resources.requests.ephemeral-storage"),
        ({"resources": {"claims": [{"name": "gpu"}]}}, "spec.resources.claims"),
    ],
)
def test_what_the_pod_asks_for_and_nobody_has_is_refused(translated: Translate, pod: dict[str, Any], path: str) -> None:
    translation = translated(spec=pod)
    assert translation.request is None
    assert [each.path for each in translation.findings] == [path]


def test_of_containers_that_run_one_after_the_other_the_greatest_counts() -> None:
    main, init = (
        msgspec.convert({"name": name, "resources": {"requests": requests}}, Container)
        for name, requests in (("main", {"cpu": "1", "memory": "3Gi"}), ("init", {"cpu": "4", "memory": "1Gi"}))
    )
    report = Report()
    granted = resources_of(main, "spec.containers[0]", report, before=[(init, "spec.initContainers[0]")])
    assert (granted.cpu, granted.memory_mb) == (4, 3072)
    assert granted.paths["cpu"] == "spec.initContainers[0].resources.requests.cpu"
    assert report.findings == ()


@given(
    number=st.integers(1, 10**6),
    suffix=st.sampled_from(["m", "", "k", "M", "Ki", "Mi"]),
    name=st.sampled_from(["cpu", "memory", "ephemeral-storage"]),
)
def test_never_less_than_asked_for(translated: Translate, number: int, suffix: str, name: str) -> None:
    asked = f"{number}{suffix}"
    translation = translated(resources={"requests": {name: asked}})
    if translation.request is None:
        assert {each.reason_code for each in translation.findings} == {"ResourceBeyondLimit"}
        return
    resources = translation.request.container.resources
    granted = {
        "cpu": resources.cpu,
        "memory": resources.memory * 2**20,
        "ephemeral-storage": resources.storage_amount or 0,
    }
    assert Fraction(granted[name]) >= parse_quantity(asked)

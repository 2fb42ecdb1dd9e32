"""CPU, memory, storage and GPUs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.quantities import parse_quantity
from scvk.provider.translate import Outcome, Translation

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


def test_a_resource_of_zero_asks_for_nothing(translated: Translate) -> None:
    assert translated(resources={"limits": {"example.com/dongle": "0", "nvidia.com/gpu": "0"}}).findings == ()


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

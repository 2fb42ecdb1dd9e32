"""What a group gives its container, in the spelling that the API server keeps."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from lightkube.models.core_v1 import Container

from scvk.provider.granted import granted, in_bytes
from scvk.saladcloud.models import ContainerResources


def a_container(**resources: Any) -> Container:
    return msgspec.convert({"name": "main", "resources": resources}, Container)


@pytest.mark.parametrize(
    ("amount", "written"),
    [(0, "0"), (1000, "1000"), (1024, "1Ki"), (1536 * 1024**2, "1536Mi"), (1024**3, "1Gi"), (3 * 1024**4, "3Ti")],
)
def test_bytes_are_written_as_the_api_server_writes_them(amount: int, written: str) -> None:
    assert in_bytes(amount) == written


def test_limits_are_what_the_group_has() -> None:
    found = granted(a_container(), ContainerResources(cpu=2, memory=1024, storage_amount=10 * 1024**3))
    assert found
    assert found.limits == {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "10Gi"}
    assert found.requests is None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param({"cpu": "250m", "memory": "64Mi"}, {"cpu": "250m", "memory": "64Mi"}, id="rounded-up"),
        pytest.param({"cpu": "4"}, {"cpu": "2"}, id="a-resize-that-was-not-made"),
        pytest.param({"salad.com/rtx-4090": "1"}, {"salad.com/rtx-4090": "1"}, id="a-gpu"),
    ],
)
def test_requests_are_what_the_pod_got_of_what_it_asked_for(asked: dict[str, str], told: dict[str, str]) -> None:
    found = granted(a_container(requests=asked), ContainerResources(cpu=2, memory=1024))
    assert found
    assert found.requests == told


def test_a_gpu_stays_in_the_limits() -> None:
    found = granted(a_container(limits={"nvidia.com/gpu": "1", "cpu": "500m"}), ContainerResources(cpu=1))
    assert found
    assert found.limits == {"cpu": "1", "nvidia.com/gpu": "1"}


def test_what_saladcloud_does_not_show_is_not_told() -> None:
    assert granted(a_container(requests={"cpu": "1"}), None) is None

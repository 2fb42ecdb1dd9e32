"""An emptyDir in memory at /dev/shm is the size of the group's shared memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scvk.provider.translate import Outcome, Translation

Translate = Callable[..., Translation]


def with_shm(
    translated: Translate,
    *,
    size: str | None = None,
    medium: str | None = "Memory",
    path: str = "/dev/shm",
    **more: Any,
) -> Translation:
    source = {"medium": medium, "sizeLimit": size}
    return translated(
        spec={"volumes": [{"name": "data", "hostPath": None, "emptyDir": source}]},
        volumeMounts=[{"name": "data", "mountPath": path}],
        **{"resources": {"requests": {"memory": "4Gi"}}, **more},
    )


@pytest.mark.parametrize(
    ("size", "shm_size"),
    [
        pytest.param(None, 4096, id="the memory granted"),
        pytest.param("0", 4096, id="zero is no limit"),
        pytest.param("1Gi", 1024, id="the limit"),
        pytest.param("1G", 954, id="rounded up to whole MiB"),
        pytest.param("1Mi", 64, id="the least there is"),
        pytest.param("4Gi", 4096, id="all of it"),
    ],
)
def test_it_is_as_large_as_a_kubelet_makes_it(translated: Translate, size: str | None, shm_size: int) -> None:
    translation = with_shm(translated, size=size)
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.container.resources.shm_size == shm_size


def test_a_slash_at_the_end_of_the_path_changes_nothing(translated: Translate) -> None:
    request = with_shm(translated, path="/dev/shm/").request
    assert request is not None
    assert request.container.resources.shm_size == 4096


def test_it_is_never_more_than_the_memory(translated: Translate) -> None:
    translation = with_shm(translated, size="8Gi")
    assert [(each.outcome, each.path) for each in translation.findings] == [
        (Outcome.DEGRADED, "spec.volumes[0].emptyDir.sizeLimit")
    ]
    assert translation.request is not None
    assert translation.request.container.resources.shm_size == 4096


def test_a_memory_limit_bounds_it_in_kubernetes_too(translated: Translate) -> None:
    translation = with_shm(translated, size="8Gi", resources={"limits": {"memory": "2Gi"}})
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.container.resources.shm_size == 2048


def test_without_such_a_volume_it_is_the_platforms_own(translated: Translate) -> None:
    request = translated().request
    assert request is not None
    assert request.container.resources.shm_size is None


def test_a_size_that_is_none_is_refused(translated: Translate) -> None:
    (finding,) = with_shm(translated, size="much").findings
    assert (finding.path, finding.reason_code) == ("spec.volumes[0].emptyDir.sizeLimit", "InvalidQuantity")


def test_its_other_mounts_are_links_to_it(translated: Translate) -> None:
    translation = translated(
        command=["run"],
        spec={"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}}]},
        volumeMounts=[{"name": "shm", "mountPath": path} for path in ("/cache", "/dev/shm")],
    )
    assert translation.request is not None
    assert translation.request.container.resources.shm_size == 256
    assert {each.outcome for each in translation.findings} == {Outcome.EMULATED}
    assert any("/dev/shm, and /cache a link to it" in each.reason for each in translation.findings)


@pytest.mark.parametrize("init_too", [True, False], ids=["by both", "by the init container alone"])
def test_an_init_container_shares_it(translated: Translate, init_too: bool) -> None:
    mounts = [{"name": "shm", "mountPath": "/dev/shm"}]
    init = {"name": "fill", "image": "nginx", "command": ["fill"], "volumeMounts": mounts}
    volumes = [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}}]
    translation = translated(
        command=["run"],
        spec={"volumes": volumes, "initContainers": [init]},
        volumeMounts=mounts if init_too else [],
    )
    assert translation.request is not None
    assert translation.request.container.resources.shm_size == 256
    assert {each.outcome for each in translation.findings} == {Outcome.EMULATED}


def test_a_part_of_a_volume_there_is_shared_memory_too(translated: Translate) -> None:
    translation = translated(
        spec={"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}}]},
        volumeMounts=[{"name": "shm", "mountPath": "/dev/shm", "subPath": "a"}],
    )
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.container.resources.shm_size == 256


@pytest.mark.parametrize("size", [None, "2Gi"])
def test_a_directory_on_disk_there_is_memory_and_says_what_to_write(translated: Translate, size: str | None) -> None:
    translation = with_shm(translated, medium=None, size=size)
    (finding,) = translation.findings
    assert (finding.outcome, finding.path) == (Outcome.DEGRADED, "spec.volumes[0].emptyDir")
    assert "is memory here and not disk" in finding.reason
    assert "write medium: Memory, and the sizeLimit" in finding.reason
    assert translation.request is not None
    assert translation.request.container.resources.shm_size is None


def test_memory_below_it_is_a_part_of_it_whose_size_nobody_says(translated: Translate) -> None:
    translation = with_shm(translated, path="/dev/shm/cache", command=["run"])
    degraded = [each for each in translation.findings if each.outcome is Outcome.DEGRADED]
    assert [each.path for each in degraded] == ["spec.volumes[0].emptyDir"]
    assert "mount it at /dev/shm itself" in degraded[0].reason

"""GPU classes of a pod."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.translate import Outcome, Translation
from scvk.provider.translate.finding import Report
from scvk.provider.translate.gpu import gpu_classes_of
from scvk.provider.translate.gpu_limits import large_enough
from scvk.provider.translate.policy import Policy
from scvk.provider.translate.resources import Granted
from scvk.provider.translate.settings import Settings
from scvk.saladcloud.models import GpuClass

Translate = Callable[..., Translation]

GTX_1070 = "dec851b7-eba7-4457-a319-a01b611a810e"
RTX_4090 = "ed563892-aacd-40f5-80b7-90c9be6c759b"
RTX_3060_12 = "9998fe42-04a5-4807-b3a5-849943f16c38"
H100_8 = "88888888-aacd-40f5-80b7-90c9be6c759b"


def translate_gpu(translated: Translate, written: str | None, count: str | None = None) -> Translation:
    return translated(
        annotations={} if written is None else {"salad.com/gpu-classes": written},
        resources={} if count is None else {"limits": {"nvidia.com/gpu": count}},
    )


@pytest.mark.parametrize(
    ("written", "count", "ids"),
    [
        (None, None, None),
        ("", None, None),
        (" ", None, None),
        (RTX_4090, None, (RTX_4090,)),
        ("RTX 4090 (24 GB)", None, (RTX_4090,)),
        (f" rtx4090 ,{GTX_1070.upper()}, RTX 3060 (12 GB),", None, (RTX_4090, GTX_1070, RTX_3060_12)),
        ("rtx4090, RTX 4090", None, (RTX_4090,)),
        ("rtx4090, gtx1070", "1", (RTX_4090, GTX_1070)),
        ("h100", "8", (H100_8,)),
        ("h100", None, (H100_8,)),
    ],
)
def test_classes_become_ids(
    translated: Translate, written: str | None, count: str | None, ids: tuple[str, ...] | None
) -> None:
    translation = translate_gpu(translated, written, count)
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.container.resources.gpu_classes == ids


@pytest.mark.parametrize(
    ("written", "count", "code", "hint"),
    [
        ("rtx4909", None, "UnknownGpuClass", "the nearest known: RTX 4090 (24 GB)"),
        ("rtx4909", None, "UnknownGpuClass", "; `scvk gpu-classes` lists all"),
        (GTX_1070[:-1] + "f", None, "UnknownGpuClass", "the nearest known: GTX 1070 (8 GB)"),
        ("banana", None, "UnknownGpuClass", "known are GTX 1070 (8 GB)"),
        ("rtx3060", None, "AmbiguousGpuClass", "RTX 3060 (8 GB)"),
        ("rtx4090", "2", "GpuCountMismatch", "no known class has 2 GPUs"),
        ("rtx4090", "8", "GpuCountMismatch", "classes with 8 GPUs are H100 (80 GB)"),
        ("h100", "1", "GpuCountMismatch", "classes with 1 GPU are GTX 1070 (8 GB)"),
    ],
)
def test_a_class_that_cannot_be_had_is_refused(
    translated: Translate, written: str, count: str | None, code: str, hint: str
) -> None:
    translation = translate_gpu(translated, written, count)
    assert translation.request is None
    (finding,) = translation.findings
    assert (finding.path, finding.reason_code) == ("metadata.annotations[salad.com/gpu-classes]", code)
    assert hint in finding.reason


@pytest.mark.parametrize("written", [None, ""])
def test_a_gpu_without_a_class_is_refused_with_the_choice(translated: Translate, written: str | None) -> None:
    (finding,) = translate_gpu(translated, written, "8").findings
    assert finding.path == "spec.containers[0].resources.limits[nvidia.com/gpu]"
    assert finding.reason_code == "GpuClassRequired"
    assert "salad.com/gpu-classes" in finding.reason
    assert "H100 (80 GB)" in finding.reason


# -- classes as resources --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "ids"),
    [
        ({"salad.com/rtx4090": "1"}, (RTX_4090,)),
        ({"salad.com/RTX-4090": "1", "nvidia.com/gpu": "1"}, (RTX_4090,)),
        ({"salad.com/rtx3060-12gb": 1}, (RTX_3060_12,)),
        ({f"salad.com/{GTX_1070}": "1"}, (GTX_1070,)),
        ({"salad.com/h100": "8"}, (H100_8,)),
        ({"salad.com/rtx4090": "0"}, None),
    ],
)
def test_a_class_may_be_asked_for_as_a_resource(
    translated: Translate, limits: dict[str, Any], ids: tuple[str, ...] | None
) -> None:
    translation = translated(resources={"limits": limits})
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.container.resources.gpu_classes == ids


@pytest.mark.parametrize(
    ("limits", "annotation", "field", "code"),
    [
        ({"salad.com/rtx4909": "1"}, None, "salad.com/rtx4909", "UnknownGpuClass"),
        ({"salad.com/rtx4090": "2"}, None, "salad.com/rtx4090", "GpuCountMismatch"),
        ({"salad.com/rtx4090": "1500m"}, None, "salad.com/rtx4090", "UnsupportedResource"),
        ({"salad.com/rtx3060": "1"}, None, "salad.com/rtx3060", "AmbiguousGpuClass"),
        ({"salad.com/rtx4090": "1", "salad.com/gtx1070": "1"}, None, "salad.com/rtx4090", "GpuClassesContradict"),
        ({"salad.com/rtx4090": "1", "nvidia.com/gpu": "2"}, None, "nvidia.com/gpu", "GpuCountMismatch"),
        ({"salad.com/rtx4090": "1"}, "rtx4090", "salad.com/rtx4090", "GpuClassesContradict"),
    ],
)
def test_a_resource_that_cannot_be_had_is_refused_where_it_stands(
    translated: Translate, limits: dict[str, Any], annotation: str | None, field: str, code: str
) -> None:
    annotations = {} if annotation is None else {"salad.com/gpu-classes": annotation}
    translation = translated(resources={"limits": limits}, annotations=annotations)
    assert translation.request is None
    (finding,) = translation.findings
    assert (finding.path, finding.reason_code) == (f"spec.containers[0].resources.limits[{field}]", code)


# -- the operator's default ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defaults", "count", "ids"),
    [
        (("rtx4090",), "1", (RTX_4090,)),
        (("rtx4090", GTX_1070, "h100"), "1", (RTX_4090, GTX_1070)),
        (("rtx4090", "h100"), "8", (H100_8,)),
        (("rtx4090",), None, None),
    ],
)
def test_a_gpu_of_any_kind_is_one_of_the_default_classes(
    translated: Translate, defaults: tuple[str, ...], count: str | None, ids: tuple[str, ...] | None
) -> None:
    resources = {"limits": {"nvidia.com/gpu": count}} if count else {}
    translation = translated(resources=resources, policy=Policy(default_gpu_classes=defaults))
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.container.resources.gpu_classes == ids


def test_the_pods_own_classes_count_before_the_default(translated: Translate) -> None:
    translation = translated(
        resources={"limits": {"nvidia.com/gpu": "1"}},
        annotations={"salad.com/gpu-classes": "gtx1070"},
        policy=Policy(default_gpu_classes=("rtx4090",)),
    )
    assert translation.request is not None
    assert translation.request.container.resources.gpu_classes == (GTX_1070,)


def test_where_no_default_fits_the_choice_is_named(translated: Translate) -> None:
    resources = {"limits": {"nvidia.com/gpu": "8"}}
    (finding,) = translated(resources=resources, policy=Policy(default_gpu_classes=("rtx4090",))).findings
    assert finding.reason_code == "GpuClassRequired"
    assert "none of --default-gpu-classes has 8 GPUs" in finding.reason
    assert "H100 (80 GB)" in finding.reason


def test_where_no_class_has_so_many_gpus_it_says_how_many_there_are(translated: Translate) -> None:
    (finding,) = translated(resources={"limits": {"nvidia.com/gpu": "4"}}).findings
    assert "no known class has 4 GPUs: known ones have 1 GPU or 8 GPUs; ask for as many" in finding.reason
    assert "`scvk gpu-classes`" in finding.reason


def test_a_list_of_commas_is_no_wish_for_a_pod_without_a_gpu(translated: Translate) -> None:
    (finding,) = translated(annotations={"salad.com/gpu-classes": " , "}).findings
    assert (finding.outcome, finding.path) == (Outcome.REFUSED, "metadata.annotations[salad.com/gpu-classes]")
    assert "it takes comma-separated names or UUIDs of GPU classes" in finding.reason


def test_a_default_that_is_not_known_is_told_and_the_others_run(translated: Translate) -> None:
    resources = {"limits": {"nvidia.com/gpu": "1"}}
    translation = translated(resources=resources, policy=Policy(default_gpu_classes=("rtx4909", "rtx4090")))
    assert translation.request is not None
    assert [(each.outcome, each.reason_code) for each in translation.findings] == [
        (Outcome.DEGRADED, "UnknownGpuClass")
    ]


# -- what a class has besides ----------------------------------------------------------------------------------------

SMALL = GpuClass(id="00000000-0000-4000-8000-000000000001", name="Small (8 GB)", max_vcpu=8, max_ram=16384)
LARGE = GpuClass(
    id="00000000-0000-4000-8000-000000000002", name="Large (8 GB)", max_vcpu=16, max_ram=61440, max_storage=250 * 2**30
)
WIDE = GpuClass(id="00000000-0000-4000-8000-000000000003", name="Wide (8 GB)", max_vcpu=32, max_ram=16384)


WHERE = "spec.containers[0].resources.limits[nvidia.com/gpu]"


def granted(cpu: int = 1, memory_gib: int = 1, storage_bytes: int | None = None) -> Granted:
    paths = {name: f"spec.containers[0].resources.requests.{name}" for name in ("cpu", "memory", "ephemeral-storage")}
    return Granted(cpu, memory_gib * 1024, storage_bytes, paths=paths)


@pytest.mark.parametrize(
    ("wish", "classes", "outcome"),
    [
        pytest.param(granted(8, 16), [SMALL, LARGE, WIDE], [], id="all of it fits"),
        pytest.param(granted(9), [SMALL, LARGE], [("GpuClassTooSmall", "8 cores")], id="one is too small"),
        pytest.param(granted(17), [SMALL, LARGE], [("ResourceBeyondLimit", "at most 16 cores")], id="cpu"),
        pytest.param(granted(1, 61), [SMALL, LARGE], [("ResourceBeyondLimit", "60 GiB of memory")], id="memory"),
        pytest.param(
            granted(1, 1, 251 * 2**30), [LARGE], [("ResourceBeyondLimit", "250 GiB of storage")], id="storage"
        ),
        pytest.param(granted(17, 17), [LARGE, WIDE], [("ResourceBeyondLimit", "None of the")], id="both, of no one"),
    ],
)
def test_a_class_must_be_large_enough(wish: Granted, classes: list[GpuClass], outcome: list[tuple[str, str]]) -> None:
    report = Report()
    fitting = large_enough(classes, wish, WHERE, report)
    assert [each.reason_code for each in report.findings] == [code for code, _ in outcome]
    for finding, (_, words) in zip(report.findings, outcome, strict=True):
        assert words in finding.reason
    assert bool(fitting) is not report.refused
    assert all(each in classes for each in fitting)


def test_a_limit_that_is_not_shown_is_none() -> None:
    report = Report()
    unknown = GpuClass(id="x", name="Unknown")
    assert large_enough([unknown], granted(512, 512), WHERE, report) == (unknown,)
    assert report.findings == ()


def test_a_pod_too_large_for_every_class_is_told_so_before_it_has_chosen_one() -> None:
    report = Report()
    wish = replace(granted(1, 80), gpu_count=1)
    assert gpu_classes_of(Settings({}, report), wish, GpuCatalogue.of([SMALL, LARGE]), (), report) == ()
    assert [each.reason_code for each in report.findings] == ["ResourceBeyondLimit", "GpuClassRequired"]


def test_only_classes_that_are_large_enough_are_offered() -> None:
    report = Report()
    wish = replace(granted(1, 32), gpu_count=1)
    assert gpu_classes_of(Settings({}, report), wish, GpuCatalogue.of([SMALL, LARGE]), (), report) == ()
    (finding,) = report.findings
    assert "Large (8 GB)" in finding.reason
    assert "Small" not in finding.reason


def test_default_classes_that_are_too_small_are_told_where_the_gpu_is_asked_for() -> None:
    report = Report()
    wish = replace(granted(9), gpu_count=1, paths={"nvidia.com/gpu": WHERE})
    catalogue = GpuCatalogue.of([SMALL, LARGE])
    assert gpu_classes_of(Settings({}, report), wish, catalogue, ("Small", "Large"), report) == (LARGE,)
    assert [(each.path, each.reason_code) for each in report.findings] == [(WHERE, "GpuClassTooSmall")]


@pytest.mark.parametrize(
    ("requests", "limit"),
    [
        ({"cpu": "16", "memory": "60Gi", "ephemeral-storage": "250Gi"}, None),
        ({"cpu": "16001m"}, "16 cores"),
        ({"cpu": "2000"}, "1024 cores"),
        ({"memory": "60.1Gi"}, "60 GiB of memory"),
        ({"ephemeral-storage": "250.1Gi"}, "250 GiB of storage"),
    ],
    ids=["all there is", "cpu", "more cpu than a request takes", "memory", "storage"],
)
def test_without_a_gpu_the_platforms_own_limits_hold(
    translated: Translate, requests: dict[str, str], limit: str | None
) -> None:
    found = translated(resources={"requests": requests}).findings
    assert [each.reason_code for each in found] == (["ResourceBeyondLimit"] if limit else [])
    if limit:
        assert found[0].path == f"spec.containers[0].resources.requests.{next(iter(requests))}"
        assert f"at most {limit}" in found[0].reason


def test_what_a_machine_with_a_gpu_has_is_its_classes_matter(translated: Translate) -> None:
    found = translated(
        resources={"requests": {"cpu": "64", "memory": "512Gi"}}, annotations={"salad.com/gpu-classes": "h100"}
    )
    assert found.findings == ()

"""GPU classes of a pod."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scvk.provider.translate import Translation

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
        (" , ", None, None),
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

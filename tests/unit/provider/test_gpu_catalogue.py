"""GPU classes, found as people write them and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.gpu_catalogue import Ambiguous, Found, GpuCatalogue, NotFound
from scvk.saladcloud.models import GpuClass

RTX_4090 = GpuClass(id="ed563892-aacd-40f5-80b7-90c9be6c759b", name="RTX 4090 (24 GB)")
RTX_3060_8 = GpuClass(id="f51baccc-dc95-40fb-a5d1-6d0ee0db31d2", name="RTX 3060 (8 GB)")
RTX_3060_12 = GpuClass(id="9998fe42-04a5-4807-b3a5-849943f16c38", name="RTX 3060 (12 GB)")
H100_1 = GpuClass(id="11111111-aacd-40f5-80b7-90c9be6c759b", name="H100 (80 GB)", gpu_count=1)
H100_8 = GpuClass(id="88888888-aacd-40f5-80b7-90c9be6c759b", name="H100 (80 GB)", gpu_count=8)
CATALOGUE = GpuCatalogue.of([RTX_4090, RTX_3060_8, RTX_3060_12, H100_1, H100_8])


@pytest.mark.parametrize(
    "written",
    [
        RTX_4090.id,
        RTX_4090.id.upper(),
        "RTX 4090 (24 GB)",
        "rtx 4090 (24 gb)",
        "  RTX 4090 (24 GB) ",
        "rtx4090(24GB)",
        "RTX 4090",
        "rtx-4090",
        "rtx4090",
        "NVIDIA GeForce RTX 4090",
        "geforce_rtx_4090",
    ],
)
def test_a_class_is_found_by_id_name_and_alias(written: str) -> None:
    assert CATALOGUE.lookup(written) == Found(RTX_4090)


def test_a_class_that_has_its_makers_name_is_found_by_it() -> None:
    made = GpuClass(id="00000000-0000-4000-8000-000000000001", name="NVIDIA RTX 4090")
    catalogue = GpuCatalogue.of([RTX_4090, made])
    assert catalogue.lookup("nvidia rtx 4090") == Found(made)
    assert catalogue.lookup("rtx 4090 (24 gb)") == Found(RTX_4090)


def test_an_alias_of_several_classes_is_not_guessed() -> None:
    assert CATALOGUE.lookup("rtx3060") == Ambiguous((RTX_3060_8, RTX_3060_12))
    assert CATALOGUE.lookup("RTX 3060 (12 GB)") == Found(RTX_3060_12)


def test_the_number_of_gpus_chooses_among_equals() -> None:
    assert CATALOGUE.lookup("h100") == Ambiguous((H100_1, H100_8))
    assert CATALOGUE.lookup("h100", gpu_count=8) == Found(H100_8)
    assert CATALOGUE.lookup("h100", gpu_count=4) == Ambiguous((H100_1, H100_8))
    # Two classes of one GPU remain; the number does not exclude what it does not fit.
    assert CATALOGUE.lookup("rtx3060", gpu_count=1) == Ambiguous((RTX_3060_8, RTX_3060_12))
    assert CATALOGUE.lookup("rtx4090", gpu_count=2) == Found(RTX_4090)


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("RTX 4909 (24 GB)", RTX_4090),
        ("rtx 4090 ti", RTX_4090),
        ("RTX 4090 (24 GiB)", RTX_4090),
        ("ed563892-aacd-40f5-80b7-90c9be6c7590", RTX_4090),
    ],
)
def test_an_unknown_class_is_answered_with_the_nearest(written: str, nearest: GpuClass) -> None:
    found = CATALOGUE.lookup(written)
    assert isinstance(found, NotFound)
    assert found.nearest[0] == nearest
    assert len(found.nearest) <= 3


@pytest.mark.parametrize("written", ["banana", "", "()", "00000000-0000-0000-0000-000000000000"])
def test_what_is_like_nothing_has_no_nearest(written: str) -> None:
    assert CATALOGUE.lookup(written) == NotFound(())


def test_classes_are_told_apart_by_their_number_of_gpus() -> None:
    assert CATALOGUE.with_gpu_count(8) == (H100_8,)
    assert CATALOGUE.with_gpu_count(1) == (RTX_4090, RTX_3060_8, RTX_3060_12, H100_1)


@given(st.text(), st.integers(0, 16) | st.none())
def test_any_text_has_an_answer(written: str, gpu_count: int | None) -> None:
    assert isinstance(CATALOGUE.lookup(written, gpu_count=gpu_count), Found | Ambiguous | NotFound)


def test_the_resource_of_a_class_is_as_short_as_it_is_unmistakable() -> None:
    assert CATALOGUE.resources() == {
        "salad.com/rtx4090": 1,
        "salad.com/rtx3060-8gb": 1,
        "salad.com/rtx3060-12gb": 1,
        "salad.com/h100": 8,
    }


def test_every_resource_leads_back_to_a_class() -> None:
    odd = GpuCatalogue.of([GpuClass(id="1", name="RTX (24 GB) Pro"), GpuClass(id="2", name="RTX (48 GB) Pro")])
    for catalogue in (CATALOGUE, odd):
        for resource, count in catalogue.resources().items():
            assert isinstance(catalogue.lookup(resource.removeprefix("salad.com/"), gpu_count=count), Found)

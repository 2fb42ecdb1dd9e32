"""GPU classes are chosen by what they have, and sorted with the best first."""

from __future__ import annotations

from decimal import Decimal

import pytest

from scvk.provider.gpu_offers import Offer, Order, Wish, available_at, ordered, vram_gb
from scvk.saladcloud.models import GpuAvailability, GpuClass, GpuClassPrice, Priority


def gpu(name: str, high: str | None = None, batch: str | None = None, **fields: int | bool) -> GpuClass:
    prices = tuple(
        GpuClassPrice(price=price, priority=priority)
        for priority, price in (("high", high), ("batch", batch))
        if price is not None
    )
    return GpuClass(id=name, name=name, prices=prices, **fields)  # type: ignore[arg-type]


LARGE = gpu("RTX 4090 (24 GB)", "0.30", "0.16", max_vcpu=16, max_ram=61440, is_high_demand=True)
SMALL = gpu("GTX 1650 (4 GB)", "0.02", "0.01", max_vcpu=8, max_ram=15360)
PAIR = gpu("2x A100 (80 GB)", "2.00", gpu_count=2)
PLAIN = gpu("Stable Diffusion Compatible")
ALL = (LARGE, SMALL, PAIR, PLAIN)


@pytest.mark.parametrize(
    ("wish", "fitting"),
    [
        pytest.param(Wish(), ALL, id="anything"),
        pytest.param(Wish(name="rtx4090"), (LARGE,), id="name, however written"),
        pytest.param(Wish(least_vram_gb=24), (LARGE, PAIR), id="memory"),
        pytest.param(Wish(gpu_count=1), (LARGE, SMALL, PLAIN), id="one GPU, also where it is not said"),
        pytest.param(Wish(gpu_count=2), (PAIR,), id="two GPUs"),
        pytest.param(Wish(least_vcpu=16), (LARGE, PAIR, PLAIN), id="cpu; a limit that is not shown is none"),
        pytest.param(Wish(least_ram_gb=60), (LARGE, PAIR, PLAIN), id="ram"),
        pytest.param(Wish(most_price=Decimal("0.3")), (LARGE, SMALL), id="price"),
        pytest.param(Wish(most_price=Decimal("0.1"), priority=Priority.BATCH), (SMALL,), id="price at a priority"),
        pytest.param(Wish(without_high_demand=True), (SMALL, PAIR, PLAIN), id="no high demand"),
    ],
)
def test_a_class_fits_that_has_all_that_is_asked_for(wish: Wish, fitting: tuple[GpuClass, ...]) -> None:
    assert tuple(each for each in ALL if wish.fits(each)) == fitting


@pytest.mark.parametrize(
    ("order", "reverse", "expected"),
    [
        (Order.NAME, False, (PAIR, SMALL, LARGE, PLAIN)),
        (Order.NAME, True, (PLAIN, LARGE, SMALL, PAIR)),
        (Order.PRICE, False, (SMALL, LARGE, PAIR, PLAIN)),
        (Order.PRICE, True, (PAIR, LARGE, SMALL, PLAIN)),
        (Order.VRAM, False, (PAIR, LARGE, SMALL, PLAIN)),
        (Order.COUNT, False, (PAIR, SMALL, LARGE, PLAIN)),
        (Order.CPU, False, (LARGE, SMALL, PAIR, PLAIN)),
    ],
)
def test_the_best_comes_first_and_the_unknown_last(order: Order, reverse: bool, expected: tuple[GpuClass, ...]) -> None:
    offers = ordered([Offer(each) for each in ALL], order, Priority.HIGH, reverse=reverse)
    assert tuple(offer.gpu_class for offer in offers) == expected


def test_what_is_available_is_counted_at_the_priority() -> None:
    many = Offer(SMALL, GpuAvailability(available_gpu_high=9, available_gpu_batch=1))
    few = Offer(LARGE, GpuAvailability(available_gpu_high=3, available_gpu_batch=2))
    assert available_at(many, Priority.BATCH) == 1
    assert available_at(Offer(PLAIN), Priority.HIGH) is None
    assert ordered([few, many], Order.AVAILABLE, Priority.HIGH) == [many, few]
    assert ordered([few, many], Order.AVAILABLE, Priority.BATCH) == [few, many]


@pytest.mark.parametrize(
    ("name", "memory"),
    [("RTX 4090 (24 GB)", 24), ("RTX 5090 Laptop (24GB)", 24), ("A100 80 GB", None), ("Any (new)", None)],
)
def test_the_memory_is_read_from_the_name(name: str, memory: int | None) -> None:
    assert vram_gb(gpu(name)) == memory

"""GPU classes to choose from: what each offers, which fit a wish, in which order. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from scvk.provider.gpu_catalogue import gpu_count_of
from scvk.saladcloud.models import GpuAvailability, GpuClass, Priority

_MB_PER_GIB = 1024


class Order(StrEnum):
    """What a list is sorted by; the best comes first, names by the alphabet."""

    NAME = "name"
    PRICE = "price"
    VRAM = "vram"
    COUNT = "count"
    CPU = "cpu"
    RAM = "ram"
    AVAILABLE = "available"


@dataclass(frozen=True, slots=True)
class Offer:
    """A class, and how many machines of it could be had now; None where nobody asked."""

    gpu_class: GpuClass
    availability: GpuAvailability | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a class must have. None and 0 ask for nothing; a class that does not show a limit is not left out for it.

    `name` is a part of the class's name, in any case and spelling. `most_price` is in US dollars an hour at
    `priority`: a class that has no price there does not fit. `least_available` counts machines at `priority`.
    """

    name: str = ""
    least_vram_gb: int = 0
    gpu_count: int | None = None
    least_vcpu: int = 0
    least_ram_gb: int = 0
    most_price: Decimal | None = None
    priority: Priority = Priority.HIGH
    without_high_demand: bool = False

    def fits(self, gpu_class: GpuClass) -> bool:
        """Say whether the class has all that is asked for."""
        price = price_at(gpu_class, self.priority)
        return (
            _squeezed(self.name) in _squeezed(gpu_class.name)
            and (vram_gb(gpu_class) or 0) >= self.least_vram_gb
            and self.gpu_count in (None, gpu_count_of(gpu_class))
            and (gpu_class.max_vcpu is None or gpu_class.max_vcpu >= self.least_vcpu)
            and (gpu_class.max_ram is None or gpu_class.max_ram >= self.least_ram_gb * _MB_PER_GIB)
            and (self.most_price is None or (price is not None and price <= self.most_price))
            and not (self.without_high_demand and gpu_class.is_high_demand)
        )


def vram_gb(gpu_class: GpuClass) -> int | None:
    """Return the memory of one GPU, which SaladCloud tells in the class's name only; None where it does not."""
    found = re.search(r"\(\s*([0-9]{1,4})\s*GB\s*\)", gpu_class.name, re.IGNORECASE)
    return int(found[1]) if found else None


def price_at(gpu_class: GpuClass, priority: Priority) -> Decimal | None:
    """Return the price of an hour in US dollars; None where there is none at this priority."""
    amounts = (price.amount for price in gpu_class.prices or () if price.priority == priority)
    return next((amount for amount in amounts if amount is not None), None)


def available_at(offer: Offer, priority: Priority) -> int | None:
    """Return how many machines could be had at a priority; None where it is not known."""
    if offer.availability is None:
        return None
    shown: int | None = getattr(offer.availability, f"available_gpu_{priority.value}")
    return shown


def ordered(offers: Iterable[Offer], order: Order, priority: Priority, *, reverse: bool = False) -> list[Offer]:
    """Return the offers, the best first; what is not known comes last, and equals by name."""
    key, descends = _KEYS[order](priority)
    by_name = sorted(offers, key=lambda offer: offer.gpu_class.name)
    known = [offer for offer in by_name if key(offer) is not None]
    unknown = [offer for offer in by_name if key(offer) is None]
    return [*sorted(known, key=key, reverse=descends != reverse), *unknown]


_Key = Callable[[Offer], Any]
_KEYS: dict[Order, Callable[[Priority], tuple[_Key, bool]]] = {
    Order.NAME: lambda _: (lambda offer: offer.gpu_class.name.casefold(), False),
    Order.PRICE: lambda priority: (lambda offer: price_at(offer.gpu_class, priority), False),
    Order.VRAM: lambda _: (lambda offer: vram_gb(offer.gpu_class), True),
    Order.COUNT: lambda _: (lambda offer: gpu_count_of(offer.gpu_class), True),
    Order.CPU: lambda _: (lambda offer: offer.gpu_class.max_vcpu, True),
    Order.RAM: lambda _: (lambda offer: offer.gpu_class.max_ram, True),
    Order.AVAILABLE: lambda priority: (lambda offer: available_at(offer, priority), True),
}


def _squeezed(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.casefold())

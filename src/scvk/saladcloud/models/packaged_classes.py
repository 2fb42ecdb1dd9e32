"""GPU classes as package data, for use where SaladCloud cannot be asked: names and ids are real, the rest about so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from scvk.saladcloud.models.catalogue import GpuClass, GpuClassPrice
from scvk.saladcloud.models.containers import Priority

_PRIORITIES = (Priority.HIGH, Priority.MEDIUM, Priority.LOW, Priority.BATCH)
_GIB = 1024**3
_SMALLEST_RAM_MB = 1024
_LARGEST_STORAGE = 250 * _GIB


@dataclass(frozen=True, slots=True)
class PackagedClass:
    """A class, and how many machines of it a simulated SaladCloud has."""

    gpu_class: GpuClass
    machines: int


@cache
def packaged_classes() -> tuple[PackagedClass, ...]:
    """Return all packaged classes, in the file's order; read once."""
    text = files("scvk.saladcloud.models").joinpath("gpu_classes.yaml").read_text(encoding="utf-8")
    return tuple(_class_of(*row) for row in yaml.safe_load(text)["classes"])


def _class_of(
    class_id: str,
    name: str,
    high: str,
    medium: str,
    low: str,
    batch: str,
    max_vcpu: int,
    max_ram_mb: int,
    machines: int,
    is_high_demand: bool,
) -> PackagedClass:
    prices = zip((high, medium, low, batch), _PRIORITIES, strict=True)
    gpu_class = GpuClass(
        id=class_id,
        name=name,
        prices=tuple(GpuClassPrice(price=price, priority=priority.value) for price, priority in prices),
        is_high_demand=is_high_demand,
        gpu_count=1,
        gpu_class_type="community",
        min_vcpu=1,
        max_vcpu=max_vcpu,
        min_ram=_SMALLEST_RAM_MB,
        max_ram=max_ram_mb,
        min_storage=_GIB,
        max_storage=_LARGEST_STORAGE,
    )
    return PackagedClass(gpu_class, machines)

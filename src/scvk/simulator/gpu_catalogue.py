"""The GPU classes on offer, from package data, and how many machines of each are online."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

PRIORITIES = ("high", "medium", "low", "batch")
_GIB = 1024**3
_SMALLEST_RAM_MB = 1024
# `SystemLog`, OpenAPI document.
_LARGEST_VCPU, _LARGEST_RAM_MB, _LARGEST_STORAGE = 16, 61440, 250 * _GIB
# Plenty, as SaladCloud has it.
_CPU_MACHINES = 2400


@dataclass(frozen=True, slots=True)
class GpuClass:
    """One class. `prices` are USD an hour per priority, as decimal text; `machines` are online."""

    id: str
    name: str
    prices: dict[str, str]
    max_vcpu: int
    max_ram_mb: int
    machines: int
    is_high_demand: bool

    def render(self) -> dict[str, Any]:
        """The `GpuClass` object of the OpenAPI document."""
        return {
            "id": self.id,
            "name": self.name,
            "prices": [{"priority": priority, "price": price} for priority, price in self.prices.items()],
            "is_high_demand": self.is_high_demand,
            "gpu_count": 1,
            "gpu_class_type": "community",
            "min_vcpu": 1,
            "max_vcpu": self.max_vcpu,
            "min_ram": _SMALLEST_RAM_MB,
            "max_ram": self.max_ram_mb,
            "min_storage": _GIB,
            "max_storage": _LARGEST_STORAGE,
        }


@cache
def gpu_classes() -> dict[str, GpuClass]:
    """All classes by id."""
    data = yaml.safe_load(files("scvk.simulator").joinpath("gpu_classes.yaml").read_text())
    classes = {}
    for class_id, name, *prices, max_vcpu, max_ram_mb, machines, demand in data["classes"]:
        by_priority = dict(zip(PRIORITIES, prices, strict=True))
        classes[class_id] = GpuClass(class_id, name, by_priority, max_vcpu, max_ram_mb, machines, demand)
    return classes


def machines_online(class_ids: Iterable[str], wanted: Mapping[str, Any]) -> int:
    """How many machines have a GPU of one of the classes and room for `wanted`; unknown ids count nothing.

    `wanted` has the members `cpu`, `memory` (MB) and `storage_amount` (bytes) of an availability request, or some.
    """
    classes = {class_id.lower(): gpu_classes().get(class_id.lower()) for class_id in class_ids}
    return sum(
        found.machines for found in classes.values() if found and _fits(wanted, found.max_vcpu, found.max_ram_mb)
    )


def cpu_machines_online(wanted: Mapping[str, Any]) -> int:
    """How many machines without a GPU that matters have room for `wanted`."""
    return _CPU_MACHINES if _fits(wanted, _LARGEST_VCPU, _LARGEST_RAM_MB) else 0


def _fits(wanted: Mapping[str, Any], max_vcpu: int, max_ram_mb: int) -> bool:
    limits = {"cpu": max_vcpu, "memory": max_ram_mb, "storage_amount": _LARGEST_STORAGE}
    return all(int(wanted.get(name) or 0) <= most for name, most in limits.items())

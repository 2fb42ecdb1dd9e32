"""The GPU classes that the simulated platform offers: those that come with the program, and how many are online."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from scvk.saladcloud.models import GpuClass, packaged_classes

_GIB = 1024**3
# `SystemLog`, OpenAPI document.
_LARGEST_VCPU, _LARGEST_RAM_MB, _LARGEST_STORAGE = 16, 61440, 250 * _GIB
# Plenty, as SaladCloud has it.
_CPU_MACHINES = 2400


@cache
def gpu_classes() -> dict[str, GpuClass]:
    """All classes by id."""
    return {each.gpu_class.id: each.gpu_class for each in packaged_classes()}


def machines_online(class_ids: Iterable[str], wanted: Mapping[str, Any]) -> int:
    """How many machines have a GPU of one of the classes and room for `wanted`; unknown ids count nothing.

    `wanted` has the members `cpu`, `memory` (MB) and `storage_amount` (bytes) of an availability request, or some.
    """
    asked = {class_id.lower() for class_id in class_ids}
    return sum(
        each.machines
        for each in packaged_classes()
        if each.gpu_class.id in asked
        and _fits(wanted, each.gpu_class.max_vcpu or _LARGEST_VCPU, each.gpu_class.max_ram or _LARGEST_RAM_MB)
    )


def cpu_machines_online(wanted: Mapping[str, Any]) -> int:
    """How many machines without a GPU that matters have room for `wanted`."""
    return _CPU_MACHINES if _fits(wanted, _LARGEST_VCPU, _LARGEST_RAM_MB) else 0


def _fits(wanted: Mapping[str, Any], max_vcpu: int, max_ram_mb: int) -> bool:
    limits = {"cpu": max_vcpu, "memory": max_ram_mb, "storage_amount": _LARGEST_STORAGE}
    return all(int(wanted.get(name) or 0) <= most for name, most in limits.items())

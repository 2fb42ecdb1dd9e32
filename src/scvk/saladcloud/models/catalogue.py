"""What an organization can have: GPU classes with prices, quotas, and how many machines would fit now."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation

from scvk.saladcloud.models.base import Model


class GpuClassPrice(Model, frozen=True, kw_only=True):
    """The price of a GPU class at a priority (a `Priority`, or another word)."""

    price: str | float | None = None
    priority: str | None = None

    @property
    def amount(self) -> Decimal | None:
        """The price as a number (US dollars an hour on SaladCloud's price list), None where it is none."""
        if self.price is None:
            return None
        try:
            amount = Decimal(str(self.price).strip().removeprefix("$"))
        except InvalidOperation:
            return None
        return amount if amount.is_finite() else None


class GpuClass(Model, frozen=True, kw_only=True):
    """A kind of GPU machine. RAM in megabytes, storage in bytes; a limit that is None is not shown."""

    id: str
    name: str
    prices: tuple[GpuClassPrice, ...] | None = None
    gpu_class_type: str | None = None
    gpu_count: int | None = None
    is_high_demand: bool | None = None
    max_ram: int | None = None
    max_storage: int | None = None
    max_vcpu: int | None = None
    min_ram: int | None = None
    min_storage: int | None = None
    min_vcpu: int | None = None


class GpuClassesList(Model, frozen=True, kw_only=True):
    """Every GPU class of the organization."""

    items: tuple[GpuClass, ...]


class ContainerGroupsQuotas(Model, frozen=True, kw_only=True):
    """How many replicas the organization may have and has, and how many instance actions a minute."""

    container_replicas_quota: int | None = None
    container_replicas_used: int | None = None
    max_container_group_reallocations_per_minute: int | None = None
    max_container_group_recreates_per_minute: int | None = None
    max_container_group_restarts_per_minute: int | None = None


class Quotas(Model, frozen=True, kw_only=True):
    """The quotas of an organization."""

    container_groups_quotas: ContainerGroupsQuotas
    create_time: datetime | None = None
    update_time: datetime | None = None


class CpuAvailabilityPrototype(Model, frozen=True, kw_only=True):
    """Which machines without a GPU are asked for: `cpu` cores, `memory` megabytes, `storage_amount` bytes."""

    country_codes: tuple[str, ...] | None = None
    cpu: int | None = None
    memory: int | None = None
    storage_amount: int | None = None


class CpuAvailability(Model, frozen=True, kw_only=True):
    """How many would fit now."""

    available_cpu_batch: int | None = None
    on_call_cpu: int | None = None


class GpuAvailabilityPrototype(Model, frozen=True, kw_only=True):
    """Which machines with one of `gpu_classes` (ids, at least one) are asked for; units as above."""

    gpu_classes: tuple[str, ...]
    country_codes: tuple[str, ...] | None = None
    cpu: int | None = None
    memory: int | None = None
    storage_amount: int | None = None


class GpuAvailability(Model, frozen=True, kw_only=True):
    """How many would fit now, at each priority."""

    available_gpu_batch: int | None = None
    available_gpu_high: int | None = None
    available_gpu_low: int | None = None
    available_gpu_medium: int | None = None
    on_call_gpu: int | None = None

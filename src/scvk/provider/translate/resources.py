"""CPU, memory, storage and the number of GPUs: what is asked for, in the steps that SaladCloud sells.

Requests count, else limits, else the least there is. Whole cores and whole GiB, rounded up: never less than asked
for. SaladCloud has no limit above what it grants, so a higher limit is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from lightkube.models.core_v1 import Container

from scvk.kubelet.quantities import InvalidQuantityError, ceil_in, parse_quantity
from scvk.provider.translate.finding import Report

GPU_RESOURCE = "nvidia.com/gpu"

_GIB = 2**30
_MB_PER_GIB = 1024  # SaladCloud's megabytes: 1024 MB are what its portal calls 1 GB
# OpenAPI document, CreateContainerResourceRequirements
_MAX_CPU_CORES = 1024
_MAX_MEMORY_GIB = 2**20
_MIN_STORAGE_BYTES = _GIB
_MAX_STORAGE_BYTES = 2**50

_OWN_RESOURCES = frozenset({"cpu", "memory", "ephemeral-storage", GPU_RESOURCE})


@dataclass(frozen=True, slots=True)
class Granted:
    """What the group gets.

    `cpu` in cores, `memory_mb` in SaladCloud's megabytes, `storage_bytes` None where none was asked for,
    `gpu_count` the number of GPUs that was asked for as a resource, 0 where none was.
    """

    cpu: int
    memory_mb: int
    storage_bytes: int | None
    gpu_count: int


def resources_of(container: Container, path: str, report: Report) -> Granted:
    """Return what the group gets for the container's requests and limits."""
    where = f"{path}.resources"
    declared = container.resources
    requests = _quantities((declared.requests if declared else None) or {}, f"{where}.requests", report)
    limits = _quantities((declared.limits if declared else None) or {}, f"{where}.limits", report)
    if declared is not None and declared.claims:
        report.refuse(
            f"{where}.claims",
            "UnsupportedResourceClaim",
            "SaladCloud has no devices to claim; ask for a GPU with the annotation salad.com/gpu-classes",
        )
    asked = {**limits, **requests}
    _judge_foreign(asked, requests, where, report)

    cpu = max(1, ceil_in(asked.get("cpu", Fraction(0)), 1))
    memory_gib = max(1, ceil_in(asked.get("memory", Fraction(0)), _GIB))
    storage_bytes = _storage(asked.get("ephemeral-storage", Fraction(0)))
    gpu_count = asked.get(GPU_RESOURCE, Fraction(0))

    _bound("cpu", cpu, _MAX_CPU_CORES, f"{_MAX_CPU_CORES} cores", requests, where, report)
    _bound("memory", memory_gib, _MAX_MEMORY_GIB, f"{_MAX_MEMORY_GIB} GiB", requests, where, report)
    _bound("ephemeral-storage", storage_bytes or 0, _MAX_STORAGE_BYTES, "1 PiB", requests, where, report)
    if gpu_count.denominator != 1 or gpu_count < 0:
        report.refuse(
            _field("requests" if GPU_RESOURCE in requests else "limits", GPU_RESOURCE, where),
            "UnsupportedResource",
            "GPUs come as whole ones",
        )
    _judge_limits(limits, {"cpu": cpu, "memory": memory_gib * _GIB, "ephemeral-storage": storage_bytes}, where, report)
    return Granted(cpu, memory_gib * _MB_PER_GIB, storage_bytes, int(gpu_count))


def gpu_request_path(container: Container, path: str) -> str:
    """Return where the container asks for GPUs as a resource."""
    requests = (container.resources.requests if container.resources else None) or {}
    return _field("requests" if GPU_RESOURCE in requests else "limits", GPU_RESOURCE, f"{path}.resources")


def _quantities(written: Mapping[str, str], path: str, report: Report) -> dict[str, Fraction]:
    values: dict[str, Fraction] = {}
    for name, text in written.items():
        where = _field_of(path, name)
        try:
            value = parse_quantity(text)
        except InvalidQuantityError as error:
            report.refuse(where, "InvalidQuantity", str(error))
            continue
        values[name] = value
    return values


def _judge_foreign(asked: Mapping[str, Fraction], requests: Mapping[str, Fraction], where: str, report: Report) -> None:
    for name, value in asked.items():
        if name not in _OWN_RESOURCES and value != 0:
            report.refuse(
                _field("requests" if name in requests else "limits", name, where),
                "UnsupportedResource",
                f"SaladCloud has no resource {name}; remove it, and ask for GPUs with {GPU_RESOURCE} and the"
                " annotation salad.com/gpu-classes",
            )


def _storage(asked: Fraction) -> int | None:
    return max(_MIN_STORAGE_BYTES, ceil_in(asked, 1)) if asked > 0 else None


def _bound(
    name: str, value: int, most: int, shown: str, requests: Mapping[str, Fraction], where: str, report: Report
) -> None:
    if value > most:
        report.refuse(
            _field("requests" if name in requests else "limits", name, where),
            "ResourceBeyondLimit",
            f"SaladCloud grants at most {shown} to a container",
        )


def _judge_limits(
    limits: Mapping[str, Fraction], granted: Mapping[str, int | None], where: str, report: Report
) -> None:
    for name, amount in granted.items():
        # No storage was asked for: SaladCloud gives what it gives, and that may be less or more than the limit.
        if name in limits and amount is not None and limits[name] > amount:
            report.degrade(
                _field("limits", name, where),
                "LimitAboveGranted",
                f"The {name} limit is more than SaladCloud grants for the request, and there is nothing above what is"
                " granted; raise the request to have as much",
            )


def _field(kind: str, name: str, where: str) -> str:
    return _field_of(f"{where}.{kind}", name)


def _field_of(path: str, name: str) -> str:
    return f"{path}[{name}]" if set(name) & {".", "/"} else f"{path}.{name}"

"""What machines have beside their GPU: a class that is too small for a pod cannot run it.

A pod that is too large for every class that it may run on is refused with the limit: it would wait for ever. Where
some of its classes are large enough, the others are left out with a word. Without a GPU the limits are those that the
platform documents for any container; the create request itself takes more, as large machines with a GPU have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scvk.provider.capacity import MOST_CPU_PER_POD, MOST_MEMORY_GIB_PER_POD, MOST_STORAGE_GIB_PER_POD
from scvk.provider.translate.finding import Outcome, Report
from scvk.provider.translate.resources import CPU, GIB, MB_PER_GIB, MEMORY, STORAGE, Granted
from scvk.saladcloud.models import GpuClass


def large_enough(classes: Sequence[GpuClass], granted: Granted, asked: str, report: Report) -> tuple[GpuClass, ...]:
    """Return the classes whose machines have what is granted. A limit that SaladCloud does not show is none.

    `asked` is where in the pod the GPU is asked for.
    """
    fitting = tuple(each for each in classes if not _lacking(each, granted))
    if not classes or len(fitting) == len(classes):
        return fitting
    if fitting:
        left_out = ", ".join(
            f"{each.name} (at most {_joined(_lacking(each, granted))})" for each in classes if each not in fitting
        )
        report.degrade(
            asked,
            "GpuClassTooSmall",
            f"The pod asks for more than some of its GPU classes have, and cannot run on them: {left_out}",
        )
        return fitting
    for name in (CPU, MEMORY, STORAGE):
        limits = [_lacking(each, granted).get(name) for each in classes]
        known = [limit for limit in limits if limit is not None]
        if known and len(known) == len(limits):
            report.refuse(
                granted.paths.get(name, asked),
                "ResourceBeyondLimit",
                f"Machines of all possible GPU classes have at most {_amount(name, max(known))}; ask for less, or"
                " choose other classes (`scvk gpu-classes` shows their limits)",
            )
            return ()
    each_limit = "; ".join(f"{each.name} at most {_joined(_lacking(each, granted))}" for each in classes)
    report.refuse(
        granted.paths.get(MEMORY, granted.paths.get(CPU, asked)),
        "ResourceBeyondLimit",
        f"None of the chosen GPU classes has all that the container asks for: {each_limit}",
    )
    return ()


def judge_without_gpu(granted: Granted, report: Report) -> None:
    """Refuse what no machine has for a container without a GPU."""
    limits = {
        CPU: MOST_CPU_PER_POD,
        MEMORY: MOST_MEMORY_GIB_PER_POD * MB_PER_GIB,
        STORAGE: MOST_STORAGE_GIB_PER_POD * GIB,
    }
    told = {finding.path for finding in report.findings if finding.outcome is Outcome.REFUSED}
    for name, limit in _beyond(limits, granted).items():
        path = granted.paths.get(name, "spec.containers")
        if path not in told:
            report.refuse(
                path,
                "ResourceBeyondLimit",
                f"SaladCloud grants at most {_amount(name, limit)} to a container without a GPU; ask for less",
            )


def _lacking(gpu_class: GpuClass, granted: Granted) -> dict[str, int]:
    """Return the limits of the class that the pod is beyond, in the units of what is granted."""
    limits = {CPU: gpu_class.max_vcpu, MEMORY: gpu_class.max_ram, STORAGE: gpu_class.max_storage}
    return _beyond(limits, granted)


def _beyond(limits: Mapping[str, int | None], granted: Granted) -> dict[str, int]:
    amounts = {CPU: granted.cpu, MEMORY: granted.memory_mb, STORAGE: granted.storage_bytes or 0}
    return {name: limit for name, limit in limits.items() if limit is not None and amounts[name] > limit}


def _joined(limits: dict[str, int]) -> str:
    return ", ".join(_amount(name, limit) for name, limit in limits.items())


def _amount(name: str, limit: int) -> str:
    if name == CPU:
        return f"{limit} cores"
    return f"{limit / (MB_PER_GIB if name == MEMORY else GIB):.4g} GiB of {'memory' if name == MEMORY else 'storage'}"

"""GPU classes: from names and a number of GPUs to the UUIDs that SaladCloud takes.

A class that cannot be found is refused, never left out: a group without its GPU would run, and be billed, for
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from scvk.provider.annotations import GPU_CLASSES
from scvk.provider.gpu_catalogue import Ambiguous, Found, GpuCatalogue, NotFound, gpu_count_of
from scvk.provider.translate.finding import Report
from scvk.provider.translate.settings import Settings
from scvk.saladcloud.models import GpuClass

_MAX_SHOWN = 5


def gpu_classes_of(
    settings: Settings, gpu_count: int, gpu_count_path: str, catalogue: GpuCatalogue, report: Report
) -> tuple[str, ...] | None:
    """Return the ids of the classes that the pod may run on, None where it asks for no GPU.

    `gpu_count` is how many GPUs the container asks for as a resource, 0 where it does not; `gpu_count_path` is
    where it does.
    """
    written = settings.items(GPU_CLASSES)
    if not written:
        if gpu_count > 0:
            report.refuse(
                gpu_count_path,
                "GpuClassRequired",
                f"Say which GPUs may run the pod with the annotation {GPU_CLASSES.key};"
                f" {_choice(catalogue, gpu_count)}",
            )
        return None
    chosen: dict[str, None] = {}
    for text in written:
        match catalogue.lookup(text, gpu_count=gpu_count or None):
            case Found(gpu_class):
                chosen[gpu_class.id] = None
                if gpu_count not in (0, gpu_count_of(gpu_class)):
                    report.refuse(
                        GPU_CLASSES.path,
                        "GpuCountMismatch",
                        f"{gpu_class.name} has {_gpus(gpu_count_of(gpu_class))}, the container asks for {gpu_count};"
                        f" {_choice(catalogue, gpu_count)}",
                    )
            case Ambiguous(candidates):
                report.refuse(
                    GPU_CLASSES.path,
                    "AmbiguousGpuClass",
                    f"{text!r} may be any of {_shown(candidates)}; write the name in full, or the UUID",
                )
            case NotFound(nearest):
                hint = f"the nearest known: {_shown(nearest)}" if nearest else _known(catalogue.classes)
                report.refuse(
                    GPU_CLASSES.path,
                    "UnknownGpuClass",
                    f"There is no GPU class {text!r}; {hint}; `scvk gpu-classes` lists all",
                )
    return tuple(chosen)


def _choice(catalogue: GpuCatalogue, gpu_count: int) -> str:
    fitting = catalogue.with_gpu_count(gpu_count)
    if not fitting:
        return f"no known class has {_gpus(gpu_count)}"
    return f"classes with {_gpus(gpu_count)} are {_shown(fitting)}"


def _known(classes: tuple[GpuClass, ...]) -> str:
    return f"known are {_shown(classes)}" if classes else "the organization has none"


def _shown(classes: Iterable[GpuClass]) -> str:
    listed = [f"{each.name} [{each.id}]" for each in classes]
    return ", ".join(listed[:_MAX_SHOWN]) + (", …" if len(listed) > _MAX_SHOWN else "")


def _gpus(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"

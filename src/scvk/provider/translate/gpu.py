"""GPU classes: from names and a number of GPUs to the classes that a pod may run on.

Which classes, says the annotation, else a resource such as `salad.com/rtx4090`, else the operator's default for pods
that ask for a GPU and do not say which. A class that cannot be found is refused, never left out: a group without its
GPU would run, and be billed, for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scvk.provider.annotations import GPU_CLASSES
from scvk.provider.gpu_catalogue import RESOURCE_PREFIX, Ambiguous, Found, GpuCatalogue, NotFound, gpu_count_of
from scvk.provider.translate.finding import Report
from scvk.provider.translate.gpu_limits import judge_without_gpu, large_enough
from scvk.provider.translate.resources import GPU_RESOURCE, Granted
from scvk.provider.translate.settings import Settings
from scvk.saladcloud.models import GpuClass

_MAX_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Asked:
    """Names of classes, the number of GPUs that each must have (0: any), and where in the pod they stand."""

    names: tuple[str, ...]
    gpu_count: int
    path: str


def gpu_classes_of(
    settings: Settings, granted: Granted, catalogue: GpuCatalogue, defaults: tuple[str, ...], report: Report
) -> tuple[GpuClass, ...]:
    """Return the classes that the pod may run on, none where it asks for no GPU, or where the report says why not.

    `defaults` are names of classes for pods that ask for a GPU and name none.
    """
    asked = _asked(settings, granted, report)
    if asked.names:
        classes = _found(asked, catalogue, report)
    elif asked.gpu_count:
        classes = _default(asked, granted, catalogue, defaults, report)
    else:
        judge_without_gpu(granted, report)
        return ()
    return large_enough(classes, granted, asked.path, report)


def _asked(settings: Settings, granted: Granted, report: Report) -> _Asked:
    written = settings.items(GPU_CLASSES)
    if not written and (text := settings.text(GPU_CLASSES)):
        # Commas alone: a list that lost its names, and no wish for a pod without a GPU, as an empty text is.
        settings.refuse(GPU_CLASSES, text)
    resource = next(iter(granted.gpu_names), None)
    if resource is None:
        path = GPU_CLASSES.path if written else granted.paths.get(GPU_RESOURCE, "")
        return _Asked(written, granted.gpu_count, path)
    if not settings.is_own(GPU_CLASSES):
        written = ()  # a default of the namespace is for pods that do not say it themselves
    path = granted.paths[RESOURCE_PREFIX + resource]
    count = granted.gpu_names[resource]
    if len(granted.gpu_names) > 1:
        report.refuse(
            path,
            "GpuClassesContradict",
            "A machine of SaladCloud has GPUs of one class, and the container asks for several classes at once; to run"
            f" on any one of them, ask for {GPU_RESOURCE} and list them in the annotation {GPU_CLASSES.key}",
        )
    if granted.gpu_count not in (0, count):
        report.refuse(
            granted.paths[GPU_RESOURCE],
            "GpuCountMismatch",
            f"The container asks for {granted.gpu_count} here, and for {_gpus(count)} of one class in another line;"
            " write the same number, or one line",
        )
    if written:
        report.refuse(
            path,
            "GpuClassesContradict",
            f"The annotation {GPU_CLASSES.key} says which GPUs may run the pod, and this line too; remove one of them",
        )
    return _Asked((resource,), count, path)


def _found(asked: _Asked, catalogue: GpuCatalogue, report: Report) -> tuple[GpuClass, ...]:
    chosen: dict[str, GpuClass] = {}
    for text in asked.names:
        # Where classes differ in their number of GPUs alone, who says no number means one.
        match catalogue.lookup(text, gpu_count=asked.gpu_count or 1):
            case Found(gpu_class):
                chosen[gpu_class.id] = gpu_class
                if asked.gpu_count not in (0, gpu_count_of(gpu_class)):
                    report.refuse(
                        asked.path,
                        "GpuCountMismatch",
                        f"{gpu_class.name} has {_gpus(gpu_count_of(gpu_class))}, the container asks for"
                        f" {asked.gpu_count}; {_choice(catalogue, asked.gpu_count)}",
                    )
            case Ambiguous(candidates):
                report.refuse(
                    asked.path,
                    "AmbiguousGpuClass",
                    f"{text!r} may be any of {_shown(candidates)}; write the name in full, or the UUID",
                )
            case NotFound(nearest):
                hint = f"the nearest known: {_shown(nearest)}" if nearest else _known(catalogue.classes)
                report.refuse(
                    asked.path,
                    "UnknownGpuClass",
                    f"There is no GPU class {text!r}; {hint}; `scvk gpu-classes` lists all",
                )
    return tuple(chosen.values())


def _default(
    asked: _Asked, granted: Granted, catalogue: GpuCatalogue, defaults: tuple[str, ...], report: Report
) -> tuple[GpuClass, ...]:
    lookups = {text: catalogue.lookup(text, gpu_count=asked.gpu_count) for text in defaults}
    fitting = {
        each.gpu_class.id: each.gpu_class
        for each in lookups.values()
        if isinstance(each, Found) and gpu_count_of(each.gpu_class) == asked.gpu_count
    }
    unknown = [text for text, each in lookups.items() if not isinstance(each, Found)]
    if not fitting:
        candidates = catalogue.with_gpu_count(asked.gpu_count)
        # Who has chosen a class must not learn only then that the pod is too large for all of them.
        unheard = Report()
        sized = large_enough(candidates, granted, asked.path, unheard)
        if not sized:
            report.add(unheard.findings)
        without = f"; none of --default-gpu-classes has {_gpus(asked.gpu_count)}" if defaults else ""
        report.refuse(
            asked.path,
            "GpuClassRequired",
            f"Say which GPUs may run the pod with the annotation {GPU_CLASSES.key}{without};"
            f" {_choice(catalogue, asked.gpu_count, sized)}",
        )
    elif unknown:
        report.degrade(
            asked.path,
            "UnknownGpuClass",
            f"Of the operator's --default-gpu-classes, {', '.join(map(repr, unknown))} name no one class, and the pod"
            " cannot run on them",
        )
    return tuple(fitting.values())


def _choice(catalogue: GpuCatalogue, gpu_count: int, preferred: tuple[GpuClass, ...] = ()) -> str:
    """Say what has so many GPUs; where nothing has, how many there are to be had."""
    fitting = preferred or catalogue.with_gpu_count(gpu_count)
    if fitting:
        return f"classes with {_gpus(gpu_count)} are {_shown(fitting)}"
    counts = sorted({gpu_count_of(each) for each in catalogue.classes})
    if not counts:
        return f"no known class has {_gpus(gpu_count)}, and the organization has none at all"
    return (
        f"no known class has {_gpus(gpu_count)}: known ones have {' or '.join(map(_gpus, counts))}; ask for as many;"
        " `scvk gpu-classes` lists what the organization has"
    )


def _known(classes: tuple[GpuClass, ...]) -> str:
    return f"known are {_shown(classes)}" if classes else "the organization has none"


def _shown(classes: Iterable[GpuClass]) -> str:
    listed = [f"{each.name} [{each.id}]" for each in classes]
    return ", ".join(listed[:_MAX_SHOWN]) + (", …" if len(listed) > _MAX_SHOWN else "")


def _gpus(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"

"""Which of a pod's containers its group runs, read from the pod: what was chosen when the group was made.

The choice depends on annotations of the namespace and on options of the agent, and both may have changed since; so it
stands in the pod's record. Before there is one, or where somebody edited it, what the pod itself says counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from lightkube.models.core_v1 import Container
from lightkube.resources.core_v1 import Pod

from scvk.provider.annotations import CONTAINER
from scvk.provider.record import record_of


@dataclass(frozen=True, slots=True)
class Running:
    """The containers of a pod by what becomes of them.

    `chosen` says whether the choice stands in the record: else only `main` means something, the others are in
    `others` and `init` whatever becomes of them. `init` run before `main`; `others` are not run.
    """

    main: Container
    init: tuple[Container, ...]
    others: tuple[Container, ...]
    other_init: tuple[Container, ...]
    chosen: bool


def running(pod: Pod) -> Running:
    """Return what runs of the pod, which must have a container."""
    assert pod.spec is not None
    containers, init = tuple(pod.spec.containers), tuple(pod.spec.initContainers or ())
    annotations = (pod.metadata.annotations if pod.metadata else None) or {}
    record = record_of(annotations)
    names = record.runs if record is not None else ()
    main = _named(containers, names[0] if names else "")
    if main is None:
        main = _named(containers, annotations.get(CONTAINER.key, "").strip()) or containers[0]
        names = ()
    return Running(
        main,
        tuple(each for each in init if not names or each.name in names),
        tuple(each for each in containers if each is not main),
        tuple(each for each in init if names and each.name not in names),
        chosen=bool(names),
    )


def _named(containers: tuple[Container, ...], name: str) -> Container | None:
    return next((each for each in containers if each.name == name), None)

"""Which containers of a pod run: a container group has one, and what may run before it in the same place.

| container | becomes of it |
|---|---|
| the only one; the one that `salad.com/container` names; the one that `--ignore-containers` leaves | runs |
| further ones beside it | refused, if neither says which one runs |
| init container with the same image | run before the program by the start-up wrapper |
| init container with another image, or a sidecar | refused; left out with `salad.com/init-containers: ignore` |
| any whose name matches `--ignore-containers` beside others, and the init containers that come with it | not run |

It is asked before anything is read for the pod, since it says what must be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lightkube.models.core_v1 import Container, Pod

from scvk.kubelet.inputs import InputNeeds, NamedSecret
from scvk.provider.annotations import CONTAINER, INIT_CONTAINERS, LOGGING_SECRET, REGISTRY_SECRET
from scvk.provider.translate.finding import Finding, Outcome, Report
from scvk.provider.translate.image_name import same_image
from scvk.provider.translate.injected import is_ignored, is_ignored_init
from scvk.provider.translate.log_sink import logging_secret_of
from scvk.provider.translate.meshes import judge_rewritten_probes
from scvk.provider.translate.registry_login import registry_secret_of
from scvk.provider.translate.settings import INVALID, Settings

NOT_RUN = "NotRun"
"""The reason that a container shows which is left out."""

_SIDECAR = "Always"


@dataclass(frozen=True, slots=True)
class Placed:
    """A container and where it stands in the pod, such as `spec.containers[0]`."""

    container: Container = field(repr=False)
    path: str

    @property
    def name(self) -> str:
        """The container's name, unique in its pod."""
        return self.container.name


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What runs of a pod, and what must be read for it.

    `main` is None for a pod without containers; where a finding refuses the pod, it is the one that is judged further.
    `init` run before it, in this order; `not_run` are left out.
    """

    main: Placed | None
    init: tuple[Placed, ...] = ()
    not_run: tuple[Placed, ...] = ()
    needs: InputNeeds = field(default_factory=lambda: InputNeeds(()))
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether it is already certain that the pod cannot run."""
        return any(finding.outcome is Outcome.REFUSED for finding in self.findings)

    @property
    def runs(self) -> tuple[Placed, ...]:
        """All that run: the init containers, then the main one."""
        return (*self.init, *((self.main,) if self.main else ()))


def plan(pod: Pod, annotations: Mapping[str, str], ignored: Sequence[str] = ()) -> RunPlan:
    """Return what runs of `pod`.

    `annotations` are the pod's own with those of its namespace behind them; `ignored` are names of injected
    containers, with `*` as a wildcard, and stand for the init containers that come with them too.
    """
    report = Report()
    containers = [
        Placed(container, f"spec.containers[{index}]")
        for index, container in enumerate((pod.spec.containers if pod.spec else None) or ())
    ]
    if pod.spec is None or not containers:
        report.refuse("spec.containers", "NoContainer", "The pod has no container")
        return RunPlan(None, findings=report.findings)
    settings = Settings(annotations, report, own=(pod.metadata.annotations if pod.metadata else None) or {})
    main, left_out = _choose(containers, settings, ignored, report)
    before = [
        Placed(container, f"spec.initContainers[{index}]")
        for index, container in enumerate(pod.spec.initContainers or ())
    ]
    init, left_out_before = _sort_init(before, main, settings, ignored, report)
    not_run = (*left_out_before, *left_out)
    judge_rewritten_probes(main.container, main.path, [other.container for other in not_run], report)
    names = (main.name, *(each.name for each in init))
    return RunPlan(main, init, not_run, InputNeeds(names, _secrets(settings)), report.findings)


def _choose(
    containers: Sequence[Placed], settings: Settings, ignored: Sequence[str], report: Report
) -> tuple[Placed, tuple[Placed, ...]]:
    wanted = settings.text(CONTAINER)
    named = next((each for each in containers if each.name == wanted), None)
    # A default of the namespace is for those of its pods that have such a container.
    if wanted is not None and (named is not None or settings.is_own(CONTAINER)):
        if named is None:
            names = ", ".join(each.name for each in containers)
            report.refuse(CONTAINER.path, INVALID, f"The pod has no container {wanted[:63]!r}; it has {names}")
            return containers[0], ()
        others = tuple(each for each in containers if each is not named)
        for other in others:
            report.ignore(other.path, NOT_RUN, f"Not run: {CONTAINER.key} names {named.name}")
        return named, others
    wished = [each for each in containers if len(containers) == 1 or not is_ignored(each.name, ignored)]
    if not wished:
        report.refuse(
            "spec.containers",
            "UnsupportedContainer",
            "The names of all containers match --ignore-containers; name the one to run with the annotation"
            f" {CONTAINER.key}",
        )
        return containers[0], ()
    main, *further = wished
    for other in further:
        report.refuse(
            other.path,
            "UnsupportedContainer",
            f"A container group has one container: {other.name} cannot run beside {main.name}; give it a pod of its"
            f" own, name the one to run with the annotation {CONTAINER.key}, or have the agent leave out what an"
            " injector adds (--ignore-containers)",
        )
    others = tuple(each for each in containers if each not in wished)
    for other in others:
        report.ignore(other.path, NOT_RUN, "Not run: its name matches --ignore-containers")
    return main, others


def _sort_init(
    containers: Sequence[Placed], main: Placed, settings: Settings, ignored: Sequence[str], report: Report
) -> tuple[tuple[Placed, ...], tuple[Placed, ...]]:
    leave_out = settings.choice(INIT_CONTAINERS) == "ignore"
    run: list[Placed] = []
    not_run: list[Placed] = []
    for each in containers:
        obstacle = _obstacle(each.container, main.container)
        if is_ignored_init(each.name, ignored):
            report.ignore(each.path, NOT_RUN, f"Not run: {_by_name(each.name, ignored)} --ignore-containers")
            not_run.append(each)
        elif obstacle is None:
            report.emulate(
                each.path,
                "InitContainerInStartUp",
                f"{each.name} runs before the program, by the start-up wrapper in the same container and file system,"
                " and again whenever the container starts anew; where it fails, the container ends with its exit code",
            )
            run.append(each)
        elif leave_out:
            report.ignore(each.path, NOT_RUN, f"Not run: {INIT_CONTAINERS.key} says so ({obstacle})")
            not_run.append(each)
        else:
            report.refuse(
                each.path,
                "UnsupportedInitContainer",
                f"A container group has one container: {each.name} cannot run before it, since {obstacle}; do the work"
                f" in {main.name}, leave it out with the annotation {INIT_CONTAINERS.key}: ignore, or have the agent"
                " leave out what an injector adds (--ignore-containers)",
            )
    return tuple(run), tuple(not_run)


def _obstacle(init: Container, main: Container) -> str | None:
    if init.restartPolicy == _SIDECAR:
        return "it is a sidecar (restartPolicy: Always)"
    if not same_image(init.image, main.image):
        return "it has another image"
    return None


def _by_name(name: str, ignored: Sequence[str]) -> str:
    return "its name matches" if is_ignored(name, ignored) else "it comes with a container whose name matches"


def _secrets(settings: Settings) -> tuple[NamedSecret, ...]:
    named = ((REGISTRY_SECRET, registry_secret_of(settings)), (LOGGING_SECRET, logging_secret_of(settings)))
    return tuple(NamedSecret(name, annotation.path) for annotation, name in named if name)

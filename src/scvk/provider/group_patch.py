"""The merge patch that gives a group what its pod says by now: a pure function, setting by setting.

Only what the pod has changed is sent, and of that only what the group does not show to have already: each patch makes
a new version of the group, and SaladCloud runs the program again for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lightkube.models.core_v1 import Container
from lightkube.resources.core_v1 import Pod
from msgspec import UNSET, UnsetType, structs

from scvk.kubelet.inputs import PodInputs
from scvk.provider.annotations import IMAGE_CACHING, PRIORITY, REGISTRY_SECRET, RESIZE
from scvk.provider.applied import ANNOTATIONS, Setting
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import RESERVED_NAMES
from scvk.provider.running import running
from scvk.provider.translate import Finding, Outcome, Translation
from scvk.provider.translate.countries import country_codes_of
from scvk.provider.translate.finding import Report
from scvk.provider.translate.gpu import gpu_classes_of
from scvk.provider.translate.image_name import reference_of
from scvk.provider.translate.log_sink import log_sink_of
from scvk.provider.translate.policy import Policy
from scvk.provider.translate.registry_login import registry_login_of
from scvk.provider.translate.resources import Granted, resources_of
from scvk.provider.translate.settings import Settings, with_defaults
from scvk.saladcloud.models import (
    ContainerGroup,
    ContainerGroupPatch,
    UpdateContainer,
    UpdateContainerResources,
)


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What a patch is made of beside the pod and its group.

    `translation` is what the whole pod would become now; it is there where the image has changed.
    """

    inputs: PodInputs
    catalogue: GpuCatalogue
    policy: Policy
    namespace_annotations: Mapping[str, str] = field(default_factory=dict)
    translation: Translation | None = None


@dataclass(frozen=True, slots=True)
class GroupPatch:
    """A patch and what it does.

    `sent` are the settings that it changes, `kept` those that the group shows to have already, in other words. `stays`
    are those that cannot be taken back, `refused` those that cannot be had now; `findings` says why of both.
    `versions` are those of what the container is made of anew, None where it keeps what it got.
    """

    patch: ContainerGroupPatch = field(repr=False)
    sent: frozenset[Setting]
    kept: frozenset[Setting]
    stays: frozenset[Setting] = frozenset()
    refused: frozenset[Setting] = frozenset()
    findings: tuple[Finding, ...] = ()
    versions: Mapping[str, str] | None = None


def patch_for(changed: frozenset[Setting], pod: Pod, group: ContainerGroup, ingredients: Ingredients) -> GroupPatch:
    """Return what changes of these settings, none of them fixed, mean for the group."""
    container = UpdateContainer()
    country_codes: tuple[str, ...] | UnsetType | None = UNSET
    by_fate: dict[str, set[Setting]] = {"sent": set(), "kept": set(), "stays": set(), "refused": set()}
    findings: list[Finding] = []
    for setting in (each for each in Setting if each in changed):
        report = Report()
        made = _MAKERS[setting](_Making(pod, group, ingredients, report))
        told = [each for each in report.findings if each.outcome in (Outcome.REFUSED, Outcome.IGNORED)]
        findings += told
        if report.refused:
            by_fate["refused"].add(setting)
        elif made is None:
            by_fate["stays" if told else "kept"].add(setting)
        else:
            by_fate["sent"].add(setting)
            country_codes = made.countries if setting is Setting.COUNTRIES else country_codes
            resources = _together(container.resources, made.container.resources)
            container = _merged(container, structs.replace(made.container, resources=resources))
    patch = ContainerGroupPatch(
        container=UNSET if container == UpdateContainer() else container, country_codes=country_codes
    )
    fates = {fate: frozenset(settings) for fate, settings in by_fate.items()}
    return GroupPatch(
        patch, fates["sent"], fates["kept"], fates["stays"], fates["refused"], tuple(dict.fromkeys(findings))
    )


def needs_more(pod: Pod, group: ContainerGroup, policy: Policy) -> bool:
    """Say whether the pod asks for another amount of cpu or memory than its group has."""
    shown = group.container.resources
    asked = _granted(pod, policy, Report())
    return shown is None or (shown.cpu, shown.memory) != (asked.cpu, asked.memory_mb)


def may_restart(pod: Pod, namespace_annotations: Mapping[str, str]) -> bool:
    """Say whether the pod is to be started again for other resources."""
    return _settings(pod, namespace_annotations, Report()).choice(RESIZE) == "restart"


def paths_of(setting: Setting, pod: Pod) -> tuple[str, ...]:
    """Return where the setting stands in the pod."""
    if setting is Setting.IMAGE:
        return (f"{path_of(pod, running(pod).main)}.image",)
    if setting is Setting.RESOURCES:
        return (f"{path_of(pod, running(pod).main)}.resources",)
    own = (pod.metadata.annotations if pod.metadata else None) or {}
    annotations = ANNOTATIONS[setting]
    written = tuple(each.path for each in annotations if each.key in own)
    return written or (annotations[0].path,)


def path_of(pod: Pod, container: Container) -> str:
    """Return where the container stands in the pod."""
    assert pod.spec is not None
    for kind in ("containers", "initContainers"):
        for index, each in enumerate(getattr(pod.spec, kind) or ()):
            if each is container:
                return f"spec.{kind}[{index}]"
    return "spec.containers"


@dataclass(slots=True)
class _Making:
    """One patch on its way."""

    pod: Pod
    group: ContainerGroup
    ingredients: Ingredients
    report: Report

    @property
    def settings(self) -> Settings:
        return _settings(self.pod, self.ingredients.namespace_annotations, self.report)


@dataclass(frozen=True, slots=True)
class _Made:
    """Fields of the patch. A maker returns None where the group has the setting already, or keeps what it has."""

    container: UpdateContainer = field(default_factory=UpdateContainer)
    countries: tuple[str, ...] | None = None


def _image(making: _Making) -> _Made | None:
    translation = making.ingredients.translation
    assert translation is not None
    making.report.add(each for each in translation.findings if each.outcome is Outcome.REFUSED)
    request, shown = translation.request, making.group.container
    if request is None:
        return None
    wanted = request.container
    had = shown.environment_variables or {}
    variables = {
        name: value
        for name, value in (wanted.environment_variables or {}).items()
        if name not in RESERVED_NAMES and had.get(name) != value
    }
    same_command = (wanted.command or ()) == (shown.command or ())
    if wanted.image == shown.image and same_command and not variables:
        return None
    return _Made(
        UpdateContainer(
            image=wanted.image,
            command=UNSET if same_command else wanted.command,
            environment_variables=variables or UNSET,
            registry_authentication=wanted.registry_authentication or UNSET,
        )
    )


def _resources(making: _Making) -> _Made | None:
    asked = _granted(making.pod, making.ingredients.policy, making.report)
    if not needs_more(making.pod, making.group, making.ingredients.policy):
        return None
    return _Made(UpdateContainer(resources=UpdateContainerResources(cpu=asked.cpu, memory=asked.memory_mb)))


def _gpu_classes(making: _Making) -> _Made | None:
    given = making.ingredients
    asked = _granted(making.pod, given.policy, Report())
    classes = gpu_classes_of(making.settings, asked, given.catalogue, given.policy.default_gpu_classes, making.report)
    ids = tuple(each.id for each in classes)
    shown = making.group.container.resources
    if shown is not None and sorted(shown.gpu_classes or ()) == sorted(ids):
        return None
    return _Made(UpdateContainer(resources=UpdateContainerResources(gpu_classes=ids)))


def _priority(making: _Making) -> _Made | None:
    return _Made(UpdateContainer(priority=making.settings.choice(PRIORITY)))


def _countries(making: _Making) -> _Made | None:
    codes = country_codes_of(making.settings, making.report)
    shown = making.group.country_codes
    if shown is not None and sorted(shown) == sorted(codes or ()):
        return None
    return _Made(countries=codes)


def _image_caching(making: _Making) -> _Made | None:
    wanted = making.settings.boolean(IMAGE_CACHING)
    if wanted is None:
        _stays(making.report, IMAGE_CACHING.path)
        return None
    return None if making.group.container.image_caching == wanted else _Made(UpdateContainer(image_caching=wanted))


def _logging(making: _Making) -> _Made | None:
    return _Made(
        UpdateContainer(logging=log_sink_of(making.settings, making.ingredients.inputs.secrets, making.report))
    )


def _registry_secret(making: _Making) -> _Made | None:
    assert making.pod.spec is not None
    image = reference_of(running(making.pod).main.image)
    login = registry_login_of(making.pod.spec, image, making.ingredients.inputs, making.settings, making.report)
    if login.authentication is None:
        _stays(making.report, REGISTRY_SECRET.path)
        return None
    return _Made(UpdateContainer(registry_authentication=login.authentication))


_MAKERS: Mapping[Setting, Callable[[_Making], _Made | None]] = {
    Setting.IMAGE: _image,
    Setting.RESOURCES: _resources,
    Setting.GPU_CLASSES: _gpu_classes,
    Setting.PRIORITY: _priority,
    Setting.COUNTRIES: _countries,
    Setting.IMAGE_CACHING: _image_caching,
    Setting.LOGGING: _logging,
    Setting.REGISTRY_SECRET: _registry_secret,
}


def _stays(report: Report, path: str) -> None:
    report.ignore(path, "NotUpdated", "SaladCloud knows no way to take it back: it stays as it was until the pod ends")


def _settings(pod: Pod, namespace_annotations: Mapping[str, str], report: Report) -> Settings:
    own = (pod.metadata.annotations if pod.metadata else None) or {}
    return Settings(with_defaults(own, namespace_annotations), report, own=own)


def _granted(pod: Pod, policy: Policy, report: Report) -> Granted:
    runs = running(pod)
    return resources_of(
        runs.main,
        path_of(pod, runs.main),
        report,
        before=[(each, path_of(pod, each)) for each in (runs.init if runs.chosen else ())],
        pod=pod.spec.resources if pod.spec else None,
        steps=policy.resource_steps,
    )


def _merged(one: UpdateContainer, other: UpdateContainer) -> UpdateContainer:
    """Return both patches of the container in one; what `other` sets counts."""
    fields = {name: value for name in other.__struct_fields__ if (value := getattr(other, name)) is not UNSET}
    return structs.replace(one, **fields)


def _together(
    one: UpdateContainerResources | UnsetType | None, other: UpdateContainerResources | UnsetType | None
) -> UpdateContainerResources | UnsetType | None:
    if isinstance(one, UpdateContainerResources) and isinstance(other, UpdateContainerResources):
        return structs.replace(one, gpu_classes=other.gpu_classes)
    return one if other is UNSET else other

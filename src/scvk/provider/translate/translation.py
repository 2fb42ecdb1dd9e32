"""From a pod to the request that creates its container group: the whole of the translation, step by step.

Pure: the same pod, inputs, mark and catalogue give the same result, and no pod that an API server accepts raises.
A pod that cannot run gets every reason at once, so that a person need not find them one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lightkube.models.core_v1 import Pod, PodSpec
from msgspec import structs

from scvk.kubelet.inputs import PodInputs
from scvk.provider import ownership
from scvk.provider.annotations import IMAGE_CACHING, PRIORITY, RESIZE
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import PodMark
from scvk.provider.translate.container_fields import CONTAINER_ROWS, LIFECYCLE_ROWS
from scvk.provider.translate.countries import country_codes_of
from scvk.provider.translate.daemon_sets import daemon_set_owner, refuse_daemon_set
from scvk.provider.translate.fields import judge
from scvk.provider.translate.finding import Finding, Report
from scvk.provider.translate.gpu import gpu_classes_of
from scvk.provider.translate.image_name import image_of, reference_of
from scvk.provider.translate.log_sink import log_sink_of
from scvk.provider.translate.naming import display_name
from scvk.provider.translate.networking import networking_of
from scvk.provider.translate.pod_fields import POD_ROWS
from scvk.provider.translate.policy import DEFAULT_POLICY, Policy
from scvk.provider.translate.ports import judge_ports
from scvk.provider.translate.probe_directory import in_directory
from scvk.provider.translate.probes import probes_of
from scvk.provider.translate.program import program_of
from scvk.provider.translate.queue import queue_of
from scvk.provider.translate.registry_login import registry_login_of
from scvk.provider.translate.resources import resources_of
from scvk.provider.translate.restarts import judge_own_restart_policy, restart_policy_of
from scvk.provider.translate.run_plan import Placed, RunPlan, plan
from scvk.provider.translate.security import CONTAINER_SECURITY_ROWS, POD_SECURITY_ROWS
from scvk.provider.translate.settings import Settings, with_defaults
from scvk.provider.translate.shared_memory import shared_memory_mb
from scvk.provider.translate.volumes import judge_volumes
from scvk.registry import ImageConfig, ImageReference, Login
from scvk.saladcloud.models import (
    ContainerGroupPrototype,
    CreateContainer,
    CreateContainerResources,
    body_of,
    violations,
)


@dataclass(frozen=True, slots=True)
class Translation:
    """What a pod becomes.

    `request` is valid against SaladCloud's OpenAPI document, and None exactly where a finding is refused or
    `needs_image` says that the image's own configuration must be known first. `findings` stand in the order of the
    checks. `secret_variables` are names in the request's environment, and `secret_command` positions in its command,
    that hold something of a Secret. `not_run` names the containers that are left out. No `repr` shows a value.
    """

    request: ContainerGroupPrototype | None = field(repr=False)
    findings: tuple[Finding, ...]
    needs_image: bool = False
    secret_variables: frozenset[str] = frozenset()
    secret_command: frozenset[int] = frozenset()
    not_run: tuple[str, ...] = ()


def translate(
    pod: Pod,
    inputs: PodInputs,
    mark: PodMark,
    catalogue: GpuCatalogue,
    *,
    policy: Policy = DEFAULT_POLICY,
    image: ImageConfig | None = None,
    namespace_annotations: Mapping[str, str] = MappingProxyType({}),
) -> Translation:
    """Return the request that creates the group of `mark` for `pod`, and every field that is not carried over.

    `inputs` are what the kubelet resolved for the `needs` of `run_plan.plan`; `catalogue` is the last one that
    SaladCloud gave. `image` is the configuration of the pod's image, where it was read; `namespace_annotations` are
    defaults for the pod's own.
    """
    report = Report(strict=policy.strict)
    owner = daemon_set_owner(pod)
    if owner is not None and not policy.run_daemonsets:
        refuse_daemon_set(owner, report)
        return Translation(None, report.findings)
    own = (pod.metadata.annotations if pod.metadata else None) or {}
    annotations = with_defaults(own, namespace_annotations)
    chosen = plan(pod, annotations, policy.ignored_containers)
    report.add(chosen.findings)
    spec, main = pod.spec, chosen.main
    if spec is None or main is None:
        return Translation(None, report.findings)
    settings = Settings(annotations, report, own=own)
    settings.report_unknown(namespace_annotations)
    settings.choice(RESIZE)  # judged here, and read when the pod is resized
    _judge_fields(spec, chosen, report)
    login = registry_login_of(spec, reference_of(main.container.image), inputs, settings, report)
    name = image_of(main.container.image, main.path, report)
    program = program_of(spec, chosen, main, inputs, image, settings, policy.wrapper_limit_bytes, report)
    request = _request(spec, chosen, main, inputs, mark, catalogue, policy, settings, report)
    not_run = tuple(each.name for each in chosen.not_run)
    if report.refused or program.needs_image:
        return Translation(
            None, report.findings, needs_image=program.needs_image and not report.refused, not_run=not_run
        )
    request = structs.replace(
        request,
        container=structs.replace(
            request.container,
            image=name,
            command=program.command,
            environment_variables={**program.environment, **ownership.environment(mark)},
            registry_authentication=login.authentication,
        ),
    )
    return Translation(
        _judged(request, report),
        report.findings,
        secret_variables=program.secret_variables,
        secret_command=program.secret_command,
        not_run=not_run,
    )


def registry_logins(
    pod: Pod, inputs: PodInputs, *, policy: Policy = DEFAULT_POLICY, namespace_annotations: Mapping[str, str]
) -> tuple[ImageReference | None, tuple[Login, ...]]:
    """Return the pod's image and the logins to try at its registry: what a look-up of its configuration needs."""
    own = (pod.metadata.annotations if pod.metadata else None) or {}
    annotations = with_defaults(own, namespace_annotations)
    main = plan(pod, annotations, policy.ignored_containers).main
    if pod.spec is None or main is None:
        return None, ()
    reference = reference_of(main.container.image)
    report = Report()
    settings = Settings(annotations, report, own=own)
    return reference, registry_login_of(pod.spec, reference, inputs, settings, report).logins


def _judge_fields(spec: PodSpec, chosen: RunPlan, report: Report) -> None:
    judge(spec, POD_ROWS, "spec", report)
    if spec.securityContext is not None:
        judge(spec.securityContext, POD_SECURITY_ROWS, "spec.securityContext", report)
    for placed in chosen.runs:
        container, path = placed.container, placed.path
        judge(container, CONTAINER_ROWS, path, report)
        if container.lifecycle is not None:
            judge(container.lifecycle, LIFECYCLE_ROWS, f"{path}.lifecycle", report)
        if container.securityContext is not None:
            judge(container.securityContext, CONTAINER_SECURITY_ROWS, f"{path}.securityContext", report)
        judge_ports(container, path, report)
    judge_volumes(spec, chosen, report)


def _request(
    spec: PodSpec,
    chosen: RunPlan,
    main: Placed,
    inputs: PodInputs,
    mark: PodMark,
    catalogue: GpuCatalogue,
    policy: Policy,
    settings: Settings,
    report: Report,
) -> ContainerGroupPrototype:
    # What is refused on the way leaves something unusable in its place: the caller looks at the report first.
    container, path = main.container, main.path
    for each in chosen.init:
        judge_own_restart_policy(spec, each.container, each.path, report)
    granted = resources_of(
        container,
        path,
        report,
        before=[(each.container, each.path) for each in chosen.init],
        pod=spec.resources,
        steps=policy.resource_steps,
    )
    classes = gpu_classes_of(settings, granted, catalogue, policy.default_gpu_classes, report)
    probes = probes_of(container, path, report, kubernetes_version=policy.kubernetes_version)
    return ContainerGroupPrototype(
        name=ownership.group_name(mark),
        display_name=display_name(mark.namespace, mark.name),
        container=CreateContainer(
            image="",
            image_caching=settings.boolean(IMAGE_CACHING),
            logging=log_sink_of(settings, inputs.secrets, report),
            priority=settings.choice(PRIORITY),
            resources=CreateContainerResources(
                cpu=granted.cpu,
                memory=granted.memory_mb,
                storage_amount=granted.storage_bytes,
                shm_size=shared_memory_mb(spec, container, chosen.runs, granted.memory_mb, report),
                gpu_classes=tuple(each.id for each in classes) or None,
            ),
        ),
        country_codes=country_codes_of(settings, report),
        networking=networking_of(settings, container, report),
        queue_connection=queue_of(settings, container, report),
        startup_probe=in_directory(probes.startup, container.workingDir, f"{path}.startupProbe", report),
        liveness_probe=in_directory(probes.liveness, container.workingDir, f"{path}.livenessProbe", report),
        readiness_probe=in_directory(probes.readiness, container.workingDir, f"{path}.readinessProbe", report),
        replicas=1,
        restart_policy=restart_policy_of(spec, container, path, report),
        autostart_policy=True,
    )


def _judged(request: ContainerGroupPrototype, report: Report) -> ContainerGroupPrototype | None:
    # The last safety: what the checks above overlooked never reaches the platform.
    found = violations("ContainerGroupPrototype", body_of(request))
    for violation in found:
        report.refuse(
            f"request.{violation.path}" if violation.path else "request",
            "InvalidRequest",
            f"SaladCloud would not take the request: {violation.message}",
        )
    return None if found else request

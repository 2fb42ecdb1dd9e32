"""From a pod to the request that creates its container group: the whole of the translation, step by step.

Pure: the same pod, inputs, mark and catalogue give the same result, and no pod that an API server accepts raises.
A pod that cannot run gets every reason at once, so that a person need not find them one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lightkube.models.core_v1 import Container, Pod, PodSpec

from scvk.kubelet.environment import FIRST_CONTAINER
from scvk.kubelet.inputs import ContainerInputs, PodInputs
from scvk.provider import ownership
from scvk.provider.annotations import IMAGE_CACHING, PRIORITY
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import PodMark
from scvk.provider.translate.command import command_of, image_of
from scvk.provider.translate.container_fields import CONTAINER_ROWS, LIFECYCLE_ROWS
from scvk.provider.translate.countries import country_codes_of
from scvk.provider.translate.daemon_sets import daemon_set_owner, refuse_daemon_set
from scvk.provider.translate.fields import judge
from scvk.provider.translate.finding import Finding, Report
from scvk.provider.translate.gpu import gpu_classes_of
from scvk.provider.translate.gpu_limits import large_enough
from scvk.provider.translate.log_sink import log_sink_of
from scvk.provider.translate.naming import display_name
from scvk.provider.translate.networking import networking_of
from scvk.provider.translate.pod_fields import POD_ROWS
from scvk.provider.translate.policy import DEFAULT_POLICY, Policy
from scvk.provider.translate.ports import judge_ports
from scvk.provider.translate.probes import probes_of
from scvk.provider.translate.queue import queue_of
from scvk.provider.translate.resources import resources_of
from scvk.provider.translate.restarts import restart_policy_of
from scvk.provider.translate.security import CONTAINER_SECURITY_ROWS, POD_SECURITY_ROWS
from scvk.provider.translate.settings import Settings, with_defaults
from scvk.provider.translate.shared_memory import shared_memory_mb
from scvk.provider.translate.variables import environment_of
from scvk.provider.translate.volumes import judge_volumes
from scvk.registry import ImageConfig
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
    checks. Neither `repr` shows the values of variables.
    """

    request: ContainerGroupPrototype | None
    findings: tuple[Finding, ...]
    needs_image: bool = False


def translate(
    pod: Pod,
    inputs: PodInputs,
    mark: PodMark,
    catalogue: GpuCatalogue,
    *,
    policy: Policy = DEFAULT_POLICY,
    image: ImageConfig | None = None,  # noqa: ARG001
    namespace_annotations: Mapping[str, str] = MappingProxyType({}),
) -> Translation:
    """Return the request that creates the group of `mark` for `pod`, and every field that is not carried over.

    `inputs` are what `scvk.kubelet.resolution.resolve_inputs` gives for the pod; `catalogue` is the
    last one that SaladCloud gave. `image` is the configuration of the pod's image, where it was read;
    `namespace_annotations` are defaults for the pod's own.
    """
    report = Report(strict=policy.strict)
    spec = pod.spec
    if spec is None or not spec.containers:
        report.refuse("spec.containers", "NoContainer", "The pod has no container")
        return Translation(None, report.findings)
    container = spec.containers[0]
    owner = daemon_set_owner(pod)
    if owner is not None and not policy.run_daemonsets:
        refuse_daemon_set(owner, report)
        return Translation(None, report.findings)
    _judge_fields(spec, container, report)
    request = _request(pod, spec, container, inputs, mark, catalogue, policy, namespace_annotations, report)
    if not report.refused:
        _judge_request(request, report)
    return Translation(None if report.refused else request, report.findings)


def _judge_fields(spec: PodSpec, container: Container, report: Report) -> None:
    judge(spec, POD_ROWS, "spec", report)
    for index, other in enumerate(spec.containers[1:], start=1):
        report.refuse(
            f"spec.containers[{index}]",
            "UnsupportedContainer",
            f"A container group has one container: {other.name} cannot run beside {container.name}; give it a pod"
            " of its own",
        )
    if spec.securityContext is not None:
        judge(spec.securityContext, POD_SECURITY_ROWS, "spec.securityContext", report)
    judge(container, CONTAINER_ROWS, FIRST_CONTAINER, report)
    if container.lifecycle is not None:
        judge(container.lifecycle, LIFECYCLE_ROWS, f"{FIRST_CONTAINER}.lifecycle", report)
    if container.securityContext is not None:
        judge(container.securityContext, CONTAINER_SECURITY_ROWS, f"{FIRST_CONTAINER}.securityContext", report)
    judge_ports(container, FIRST_CONTAINER, report)
    judge_volumes(spec, container, FIRST_CONTAINER, report)


def _request(
    pod: Pod,
    spec: PodSpec,
    container: Container,
    inputs: PodInputs,
    mark: PodMark,
    catalogue: GpuCatalogue,
    policy: Policy,
    namespace_annotations: Mapping[str, str],
    report: Report,
) -> ContainerGroupPrototype:
    # What is refused on the way leaves something unusable in its place: the caller looks at the report first.
    annotations = (pod.metadata.annotations if pod.metadata else None) or {}
    settings = Settings(with_defaults(annotations, namespace_annotations), report, own=annotations)
    settings.report_unknown(namespace_annotations)
    own = inputs.containers.get(container.name, ContainerInputs())
    granted = resources_of(container, FIRST_CONTAINER, report, pod=spec.resources, steps=policy.resource_steps)
    classes = gpu_classes_of(settings, granted, catalogue, policy.default_gpu_classes, report)
    classes = large_enough(classes, granted, report)
    probes = probes_of(container, FIRST_CONTAINER, report, kubernetes_version=policy.kubernetes_version)
    return ContainerGroupPrototype(
        name=ownership.group_name(mark),
        display_name=display_name(mark.namespace, mark.name),
        container=CreateContainer(
            image=image_of(container, FIRST_CONTAINER, report),
            command=command_of(own, FIRST_CONTAINER, report),
            environment_variables=environment_of(container, own, ownership.environment(mark), FIRST_CONTAINER, report),
            image_caching=settings.boolean(IMAGE_CACHING),
            logging=log_sink_of(settings, inputs.secrets, report),
            priority=settings.choice(PRIORITY),
            resources=CreateContainerResources(
                cpu=granted.cpu,
                memory=granted.memory_mb,
                storage_amount=granted.storage_bytes,
                shm_size=shared_memory_mb(spec, container, FIRST_CONTAINER, granted.memory_mb, report),
                gpu_classes=tuple(each.id for each in classes) or None,
            ),
        ),
        country_codes=country_codes_of(settings, report),
        networking=networking_of(settings, container, report),
        queue_connection=queue_of(settings, container, report),
        startup_probe=probes.startup,
        liveness_probe=probes.liveness,
        readiness_probe=probes.readiness,
        replicas=1,
        restart_policy=restart_policy_of(spec, container, FIRST_CONTAINER, report),
        autostart_policy=True,
    )


def _judge_request(request: ContainerGroupPrototype, report: Report) -> None:
    # The last safety: what the checks above overlooked never reaches the platform.
    for violation in violations("ContainerGroupPrototype", body_of(request)):
        report.refuse(
            f"request.{violation.path}" if violation.path else "request",
            "InvalidRequest",
            f"SaladCloud would not take the request: {violation.message}",
        )

"""From a workload to its report: what its pod would become, what is still needed, what it would cost.

The pod is translated just as the agent does it. What a manifest cannot tell (UIDs, names drawn by lot) has stand-ins,
and so has what is needed and not there, so that everything else is judged all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from lightkube.models.core_v1 import ServiceAccount
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.input_objects import InputObjects
from scvk.kubelet.node import Taint
from scvk.provider.annotations import path_of
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.manifests import Workload
from scvk.provider.manifests.pods import STAND_IN_UID
from scvk.provider.ownership import PodMark
from scvk.provider.preview.masking import MASK, masked_body
from scvk.provider.preview.offline_inputs import STAND_IN_NODE, OfflineInputs, offline_inputs
from scvk.provider.preview.placement import misplaced_annotations, warnings_of
from scvk.provider.preview.pod_report import Need, PodOutcome, PodReport
from scvk.provider.preview.price import price_of
from scvk.provider.translate import Finding, Outcome, Translation, translate
from scvk.provider.translate.daemon_sets import NOT_RUN
from scvk.provider.translate.image_name import reference_of
from scvk.provider.translate.policy import Policy
from scvk.provider.translate.run_plan import plan
from scvk.provider.translate.settings import with_defaults
from scvk.provider.translate.translation import registry_logins
from scvk.registry import ImageConfig, ImageReference, Login
from scvk.saladcloud.models import body_of

_STAND_IN_IMAGE = ImageConfig(entrypoint=(MASK,))
"""What stands for an image whose configuration is not known, so that the rest of the pod is judged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What a pod meets on the node: the same for all pods of a run.

    `labels` and `taints` are those of every such node. `show_secrets` leaves the request unmasked.
    """

    catalogue: GpuCatalogue
    policy: Policy = field(default_factory=Policy)
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Taint] = ()
    show_secrets: bool = False


def preview(
    workload: Workload,
    surroundings: Surroundings,
    objects: InputObjects,
    *,
    namespace_annotations: Mapping[str, str],
    service_account: ServiceAccount | None = None,
    images: Mapping[str, ImageConfig] | None = None,
    failures: Mapping[str, str] | None = None,
) -> PodReport:
    """Return what would become of the workload's pods.

    `objects` are those of its namespace that are known, `namespace_annotations` the namespace's. `service_account` is
    the pod's own, where it is known: a pod without pull secrets gets its. `images` are the configurations that were
    looked up, by the image's name in the pod; `failures` say why others could not be.
    """
    subject = _subject(workload, surroundings, objects, namespace_annotations, service_account)
    meta = subject.pod.metadata
    assert meta is not None
    mark = PodMark(STAND_IN_UID, workload.namespace, meta.name or "", meta.uid or STAND_IN_UID, 0, STAND_IN_NODE)

    def translated(config: ImageConfig | None) -> Translation:
        return translate(
            subject.pod,
            known.inputs,
            mark,
            surroundings.catalogue,
            policy=surroundings.policy,
            image=config,
            namespace_annotations=namespace_annotations,
        )

    known, image = subject.inputs, subject.image
    translation = translated((images or {}).get(image))
    unknown_image = translation.needs_image
    if unknown_image:
        translation = translated(_STAND_IN_IMAGE)
    report = PodReport(
        kind=workload.kind,
        namespace=workload.namespace,
        name=workload.name,
        outcome=PodOutcome.RUNS,
        request=None,
        findings=(*known.findings, *translation.findings),
        needs=(*known.needs, *((_image_need(image, (failures or {}).get(image)),) if unknown_image else ())),
        price=None,
    )
    if any(finding.reason_code == NOT_RUN for finding in translation.findings):
        return _not_run(report, translation.findings)
    request = translation.request
    if request is not None and not any(finding.outcome is Outcome.REFUSED for finding in known.findings):
        shown = body_of(request) if surroundings.show_secrets else masked_body(translation, request)
        report = replace(
            report,
            price=price_of(request, surroundings.catalogue),
            request=None if unknown_image else shown,
        )
    return replace(
        report,
        outcome=_outcome(report.findings),
        findings=(*report.findings, *_misplaced(workload)),
        warnings=warnings_of(workload, surroundings.labels, surroundings.taints),
    )


def _not_run(report: PodReport, why: Iterable[Finding]) -> PodReport:
    """What is left out on purpose is not refused for a fault, and needs nothing."""
    findings = tuple(replace(finding, outcome=Outcome.IGNORED) for finding in why)
    return replace(report, outcome=PodOutcome.NOT_RUN, findings=findings, needs=())


def _image_need(image: str, failure: str | None) -> Need:
    reason = "Its ENTRYPOINT, CMD or WORKDIR must be read from its registry"
    return Need("Image", image, reason if failure is None else f"{reason}: {failure}")


def image_to_ask_for(
    workload: Workload,
    surroundings: Surroundings,
    objects: InputObjects,
    *,
    namespace_annotations: Mapping[str, str],
    service_account: ServiceAccount | None = None,
) -> tuple[ImageReference | None, tuple[Login, ...]]:
    """Return the image that the workload's pods run, and the logins of known Secrets to try at its registry."""
    subject = _subject(workload, surroundings, objects, namespace_annotations, service_account)
    return registry_logins(
        subject.pod,
        subject.inputs.known,
        policy=surroundings.policy,
        namespace_annotations=namespace_annotations,
    )


@dataclass(frozen=True, slots=True)
class _Subject:
    """The pod as it is admitted, what it runs with, and the name of its image."""

    pod: Pod
    inputs: OfflineInputs
    image: str


def _subject(
    workload: Workload,
    surroundings: Surroundings,
    objects: InputObjects,
    namespace_annotations: Mapping[str, str],
    service_account: ServiceAccount | None,
) -> _Subject:
    pod = admitted(workload.pod, service_account)
    annotations = with_defaults((pod.metadata.annotations if pod.metadata else None) or {}, namespace_annotations)
    chosen = plan(pod, annotations, surroundings.policy.ignored_containers)
    image = (chosen.main.container.image if chosen.main else None) or ""
    return _Subject(pod, offline_inputs(pod, chosen.needs, objects, reference_of(image)), image)


def admitted(pod: Pod, service_account: ServiceAccount | None) -> Pod:
    """Return the pod as the API server admits it: the account's pull secrets, where it names none itself."""
    if pod.spec is None or pod.spec.imagePullSecrets or service_account is None:
        return pod
    return Pod(
        metadata=pod.metadata,
        spec=msgspec.structs.replace(pod.spec, imagePullSecrets=service_account.imagePullSecrets),
    )


def _outcome(findings: Iterable[Finding]) -> PodOutcome:
    outcomes = {finding.outcome for finding in findings}
    if Outcome.REFUSED in outcomes:
        return PodOutcome.REFUSED
    return PodOutcome.RUNS_DEGRADED if Outcome.DEGRADED in outcomes else PodOutcome.RUNS


def _misplaced(workload: Workload) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            Outcome.IGNORED,
            path_of(key),
            f"It stands on the {workload.kind} and not on its pod template, so it has no effect",
            "MisplacedAnnotation",
        )
        for key in misplaced_annotations(workload)
    )

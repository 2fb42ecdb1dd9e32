"""From a workload to its report: what its pod would become, what is still needed, what it would cost.

The pod is translated just as the agent does it. What a manifest cannot tell (UIDs, names drawn by lot) has stand-ins,
and so has what is needed and not there, so that everything else is judged all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from lightkube.models.core_v1 import ServiceAccount
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.environment import resolve_inputs
from scvk.kubelet.inputs import PodInputs
from scvk.kubelet.node import Taint
from scvk.provider.annotations import path_of
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.manifests import Workload
from scvk.provider.manifests.pods import STAND_IN_UID
from scvk.provider.ownership import PodMark
from scvk.provider.preview.masking import MASK, shown_body
from scvk.provider.preview.placement import misplaced_annotations, warnings_of
from scvk.provider.preview.pod_report import Need, PodOutcome, PodReport
from scvk.provider.preview.price import price_of
from scvk.provider.translate import Finding, Outcome, Translation, translate
from scvk.provider.translate.daemon_sets import NOT_RUN
from scvk.provider.translate.policy import Policy
from scvk.registry import ImageConfig

STAND_IN_NODE = "saladcloud"
_STAND_IN_IMAGE = ImageConfig(entrypoint=(MASK,))
"""What stands for an image whose configuration is not known, so that the rest of the pod is judged."""

ImageLookup = Callable[[str], ImageConfig | None]


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
    *,
    namespace_annotations: Mapping[str, str],
    service_account: ServiceAccount | None = None,
    images: Mapping[str, ImageConfig] | None = None,
) -> PodReport:
    """Return what would become of the workload's pods.

    `service_account` is the pod's own, where it is known: a pod without pull secrets gets its. `images` are the
    configurations that were looked up, by the image's name in the pod.
    """
    pod = admitted(workload.pod, service_account)
    inputs, needs = _inputs(pod)
    image = pod.spec.containers[0].image or "" if pod.spec and pod.spec.containers else ""
    meta = pod.metadata
    assert meta is not None
    mark = PodMark(STAND_IN_UID, workload.namespace, meta.name or "", meta.uid or STAND_IN_UID, 0, STAND_IN_NODE)

    def translated(config: ImageConfig | None) -> Translation:
        return translate(
            pod,
            inputs,
            mark,
            surroundings.catalogue,
            policy=surroundings.policy,
            image=config,
            namespace_annotations=namespace_annotations,
        )

    translation = translated((images or {}).get(image))
    exact = not translation.needs_image
    if not exact:
        needs = (*needs, Need("Image", image, "Its ENTRYPOINT, CMD or WORKDIR must be read from its registry"))
        translation = translated(_STAND_IN_IMAGE)
    outcome = _outcome(translation)
    request = translation.request
    if outcome is PodOutcome.NOT_RUN:
        findings = tuple(replace(finding, outcome=Outcome.IGNORED) for finding in translation.findings)
    else:
        findings = (*translation.findings, *_misplaced(workload))
    return PodReport(
        kind=workload.kind,
        namespace=workload.namespace,
        name=workload.name,
        outcome=outcome,
        request=shown_body(request, frozenset(), show_secrets=surroundings.show_secrets)
        if request is not None and exact
        else None,
        findings=findings,
        needs=() if outcome in (PodOutcome.REFUSED, PodOutcome.NOT_RUN) else needs,
        price=price_of(request, surroundings.catalogue) if request is not None else None,
        warnings=()
        if outcome is PodOutcome.NOT_RUN
        else warnings_of(workload, surroundings.labels, surroundings.taints),
    )


def admitted(pod: Pod, service_account: ServiceAccount | None) -> Pod:
    """Return the pod as the API server admits it: the account's pull secrets, where it names none itself."""
    if pod.spec is None or pod.spec.imagePullSecrets or service_account is None:
        return pod
    return Pod(
        metadata=pod.metadata,
        spec=msgspec.structs.replace(pod.spec, imagePullSecrets=service_account.imagePullSecrets),
    )


def _inputs(pod: Pod) -> tuple[PodInputs, tuple[Need, ...]]:
    return resolve_inputs(pod), ()


def _outcome(translation: Translation) -> PodOutcome:
    outcomes = {finding.outcome for finding in translation.findings}
    if any(finding.reason_code == NOT_RUN for finding in translation.findings):
        return PodOutcome.NOT_RUN
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

"""A pod's inputs from the objects of manifests, and a list of what is still needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.downward import NodeView
from scvk.kubelet.input_objects import InputObjects
from scvk.kubelet.inputs import InputNeeds, MissingReference, PodInputs
from scvk.kubelet.resolution import resolve_inputs
from scvk.provider.capacity import Replicas, capacity
from scvk.provider.preview.pod_report import Need
from scvk.provider.preview.stand_ins import with_stand_ins
from scvk.provider.translate import Finding, Outcome
from scvk.registry import ImageReference

STAND_IN_NODE = "saladcloud"
STAND_IN_ADDRESS = "192.0.2.1"  # RFC 5737: of documentation, nobody's
"""The node and its address, as long as there is none."""


@dataclass(frozen=True, slots=True)
class OfflineInputs:
    """`inputs` are complete, with stand-ins for what `needs` names; `findings` are what no object could mend.

    `known` are the inputs without stand-ins: for whoever acts on them.
    """

    inputs: PodInputs
    known: PodInputs
    needs: tuple[Need, ...]
    findings: tuple[Finding, ...]


def offline_inputs(
    pod: Pod, needs: InputNeeds, objects: InputObjects, annotations: Mapping[str, str], image: ImageReference | None
) -> OfflineInputs:
    """Return what the pod's containers run with. `objects` are those of the pod's namespace that are known.

    `annotations` are the pod's with its namespace's behind them; `image` is that of the container that runs, None
    where its name cannot be one.
    """
    node = NodeView(STAND_IN_NODE, (STAND_IN_ADDRESS,), capacity(Replicas(), None))
    known = resolve_inputs(pod, needs, objects, node)
    completed = resolve_inputs(pod, needs, with_stand_ins(objects, pod, needs, annotations, image), node)
    return OfflineInputs(
        completed.inputs,
        known.inputs,
        tuple(dict.fromkeys((*_needs(known.missing), *_pull_secrets(pod, objects)))),
        tuple(
            Finding(Outcome.REFUSED, each.path, each.message, each.event_reason)
            for each in completed.missing
            if each.kind not in ("ConfigMap", "Secret")
        ),
    )


def _needs(missing: Iterable[MissingReference]) -> Iterable[Need]:
    for each in missing:
        if each.kind in ("ConfigMap", "Secret"):
            yield Need(each.kind, each.name, each.message)


def _pull_secrets(pod: Pod, objects: InputObjects) -> Iterable[Need]:
    for index, reference in enumerate((pod.spec.imagePullSecrets if pod.spec else None) or ()):
        if reference.name and reference.name not in objects.secrets:
            reason = f"It may hold the login for the image's registry (spec.imagePullSecrets[{index}])"
            yield Need("Secret", reference.name, reason)

"""A pod's inputs from the objects of manifests, and a list of what is still needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.downward import NodeView
from scvk.kubelet.input_objects import InputObjects
from scvk.kubelet.inputs import InputNeeds, InputNotice, MissingReference, PodInputs
from scvk.kubelet.resolution import resolve_inputs
from scvk.provider.capacity import Replicas, capacity
from scvk.provider.preview.pod_report import Need
from scvk.provider.preview.stand_ins import with_stand_ins
from scvk.provider.translate import Finding, Outcome
from scvk.registry import ImageReference

_PULL_SECRETS = "spec.imagePullSecrets"

STAND_IN_NODE = "saladcloud"
STAND_IN_ADDRESS = "192.0.2.1"  # RFC 5737: of documentation, nobody's
"""The node and its address, as long as there is none."""


@dataclass(frozen=True, slots=True)
class OfflineInputs:
    """`inputs` are complete, with stand-ins for what `needs` names.

    `findings` are what no object could mend, and what is left out since its reference is optional.

    `known` are the inputs without stand-ins: for whoever acts on them.
    """

    inputs: PodInputs
    known: PodInputs
    needs: tuple[Need, ...]
    findings: tuple[Finding, ...]


def offline_inputs(pod: Pod, needs: InputNeeds, objects: InputObjects, image: ImageReference | None) -> OfflineInputs:
    """Return what the pod's containers run with. `objects` are those of the pod's namespace that are known.

    `image` is that of the container that runs, None where its name cannot be one.
    """
    node = NodeView(STAND_IN_NODE, (STAND_IN_ADDRESS,), capacity(Replicas(), None))
    known = resolve_inputs(pod, needs, objects, node)
    completed = resolve_inputs(pod, needs, with_stand_ins(objects, pod, needs, image), node)
    return OfflineInputs(
        completed.inputs,
        known.inputs,
        tuple(dict.fromkeys((*_needs(known.missing), *_pull_secrets(pod, objects)))),
        (
            *(
                Finding(Outcome.REFUSED, each.path, each.message, each.event_reason)
                for each in completed.missing
                if each.kind not in ("ConfigMap", "Secret")
            ),
            *_left_out(known.inputs.notices),
        ),
    )


def _left_out(notices: Iterable[InputNotice]) -> Iterable[Finding]:
    """Yield what the agent tells as events; a pull secret that is not there is among the needs."""
    for each in notices:
        if not each.path.startswith(_PULL_SECRETS):
            yield Finding(Outcome.IGNORED, each.path, each.message, each.reason)


def _needs(missing: Iterable[MissingReference]) -> Iterable[Need]:
    for each in missing:
        if each.kind in ("ConfigMap", "Secret"):
            yield Need(each.kind, each.name, each.message)


def _pull_secrets(pod: Pod, objects: InputObjects) -> Iterable[Need]:
    for index, reference in enumerate((pod.spec.imagePullSecrets if pod.spec else None) or ()):
        if reference.name and reference.name not in objects.secrets:
            reason = f"It may hold the login for the image's registry ({_PULL_SECRETS}[{index}])"
            yield Need("Secret", reference.name, reason)

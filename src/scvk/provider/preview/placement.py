"""Would the scheduler bring the pod to the node at all? What it cannot be brought to it for is warned of.

The scheduler's business is not the translation's, but a pod that is never bound to the node teaches nothing there.
What is not known here, such as labels that the operator gave the node, is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lightkube.models.core_v1 import NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Toleration
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.node import Taint
from scvk.provider.annotations import PREFIX
from scvk.provider.manifests import Workload

_HOST_NAME = "kubernetes.io/hostname"  # the operator chooses the node's name
_KEEPS_OFF = ("NoSchedule", "NoExecute")


def warnings_of(workload: Workload, labels: Mapping[str, str], taints: Sequence[Taint]) -> tuple[str, ...]:
    """Return sentences, each with the path in the pod. `labels` and `taints` are those that every such node has."""
    return (*_misplaced_annotations(workload), *_unschedulable(workload.pod, labels, taints))


def misplaced_annotations(workload: Workload) -> tuple[str, ...]:
    """Return the keys of `salad.com/…` annotations on the workload itself that its pods do not have."""
    own = (workload.pod.metadata.annotations if workload.pod.metadata else None) or {}
    return tuple(key for key in workload.annotations if key.startswith(PREFIX) and key not in own)


def _misplaced_annotations(workload: Workload) -> Iterator[str]:
    for key in misplaced_annotations(workload):
        yield (
            f"{key} stands on the {workload.kind}, where it has no effect; move it to the pod template"
            " (spec.template.metadata.annotations)"
        )


def _unschedulable(pod: Pod, labels: Mapping[str, str], taints: Sequence[Taint]) -> Iterator[str]:
    spec = pod.spec
    if spec is None or spec.nodeName:  # who names the node passes the scheduler by
        return
    yield from _selectors(spec.nodeSelector or {}, labels)
    yield from _affinity(spec, labels)
    yield from _tolerations(spec.tolerations or (), taints)


def _selectors(selector: Mapping[str, str], labels: Mapping[str, str]) -> Iterator[str]:
    for key, value in selector.items():
        if key == _HOST_NAME:
            continue
        if key not in labels:
            yield f"spec.nodeSelector: the node has no label {key}, unless --node-label gives it one"
        elif labels[key] != value:
            yield f"spec.nodeSelector: the node's label {key} is {labels[key]}, not {value}"


def _affinity(spec: PodSpec, labels: Mapping[str, str]) -> Iterator[str]:
    affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    if required is not None and not any(_may_match(term, labels) for term in required.nodeSelectorTerms or ()):
        yield (
            "spec.affinity.nodeAffinity: none of its required terms can match the node, whose labels are "
            + ", ".join(f"{key}={value}" for key, value in labels.items())
        )


def _may_match(term: NodeSelectorTerm, labels: Mapping[str, str]) -> bool:
    if term.matchFields:
        return True  # only metadata.name, which the operator chooses
    return all(_fits(each, labels) for each in term.matchExpressions or ())


def _fits(requirement: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    if requirement.key == _HOST_NAME:
        return True
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in (requirement.values or ())
        case "NotIn":
            return value not in (requirement.values or ())
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:  # Gt and Lt compare numbers, and no label of the node is one
            return False


def _tolerations(tolerations: Iterable[Toleration], taints: Sequence[Taint]) -> Iterator[str]:
    given = tuple(tolerations)
    for taint in taints:
        if taint.effect not in _KEEPS_OFF or any(_tolerates(each, taint) for each in given):
            continue
        alike = next((each for each in given if each.key == taint.key and each.value), None)
        if alike is not None and alike.value != taint.value:
            yield f"spec.tolerations: {alike.value!r} does not match the node's taint {taint}; write {taint.value!r}"
        else:
            yield (
                f"spec.tolerations: nothing tolerates the node's taint {taint}, so the scheduler keeps the pod off it;"
                f" tolerate the key {taint.key} with the value {taint.value}"
            )


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    """As the scheduler has it: an empty key with Exists matches every taint, an empty effect every effect."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.operator == "Exists":
        return not toleration.key or toleration.key == taint.key
    return toleration.key == taint.key and (toleration.value or "") == taint.value

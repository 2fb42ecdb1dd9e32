"""A pod's inputs as the kubelet would resolve them, with the objects that a test gives."""

from __future__ import annotations

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.downward import NodeView
from scvk.kubelet.input_objects import InputObjects
from scvk.kubelet.inputs import InputNeeds, PodInputs
from scvk.kubelet.resolution import resolve_inputs

NODE = NodeView("node-a", ("192.0.2.7",), {"cpu": "16", "memory": "60Gi", "ephemeral-storage": "250Gi"})


def inputs_of(pod: Pod, objects: InputObjects = InputObjects()) -> PodInputs:  # noqa: B008 - frozen
    """Resolve what every container of `pod` runs with; what is missing is left out."""
    spec = pod.spec
    containers = [*(spec.initContainers or ()), *(spec.containers or ())] if spec else []
    needs = InputNeeds(tuple(container.name for container in containers))
    return resolve_inputs(pod, needs, objects, NODE).inputs

"""How much one listing of a project weighs whose pods all have a start-up wrapper of the allowed size."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx2
import msgspec
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.downward import NodeView
from scvk.kubelet.input_objects import ConfigMapContents, InputObjects
from scvk.kubelet.inputs import InputNeeds
from scvk.kubelet.resolution import resolve_inputs
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import PodMark
from scvk.provider.translate import Translation, translate
from scvk.provider.translate.policy import DEFAULT_POLICY
from scvk.saladcloud.models import ContainerGroupCollection
from scvk.saladcloud.models.bodies import body_of
from scvk.simulator.config import ApiKey, SimulatorConfig
from scvk.simulator.service import Simulator, serve

PODS = 100
WRAPPER_BYTES = DEFAULT_POLICY.wrapper_limit_bytes
_KEY = "bench-key"
_STEP_BYTES = 1024


@dataclass(frozen=True)
class Measured:
    """MB of one answer, and milliseconds to make values of it."""

    megabytes: float
    decoded_ms: tuple[float, ...]


async def measure(runs: int) -> Measured:
    """Let a simulator list groups with full wrappers."""
    config = SimulatorConfig(api_keys=(ApiKey(_KEY),), runtime="virtual")
    async with (
        Simulator(config) as simulator,
        serve(simulator) as served,
        httpx2.AsyncClient(headers={"Salad-Api-Key": _KEY}, timeout=60, trust_env=False) as http,
    ):
        url = f"{served.base_url}/organizations/acme-corp/projects/default/containers"
        for number in range(PODS):
            answer = await http.post(url, json=_full_request(number))
            assert answer.is_success, answer.text
        listing = (await http.get(url)).content
    decoded_ms = []
    for _ in range(runs):
        started = time.perf_counter()
        groups = msgspec.json.decode(listing, type=ContainerGroupCollection)
        decoded_ms.append(1000 * (time.perf_counter() - started))
        assert len(groups.items) == PODS
    return Measured(len(listing) / 1_000_000, tuple(decoded_ms))


def _full_request(number: int) -> Mapping[str, Any]:
    """Return the request of a pod whose files fill the wrapper to the last KiB that is not refused."""
    for file_bytes in range(WRAPPER_BYTES, 0, -_STEP_BYTES):
        translation = _translation(number, file_bytes)
        if translation.request is not None:
            return body_of(translation.request)
    raise AssertionError("no wrapper is small enough")


def _translation(number: int, file_bytes: int) -> Translation:
    spec = {
        "volumes": [{"name": "v", "configMap": {"name": "files"}}],
        "containers": [
            {
                "name": "main",
                "image": "docker.io/library/busybox:1.37",
                "command": ["sleep", "infinity"],
                "volumeMounts": [{"name": "v", "mountPath": "/etc/app"}],
            }
        ],
    }
    uid = f"11111111-2222-3333-4444-{number:012}"
    metadata = {"name": f"full-{number}", "namespace": "default", "uid": uid}
    pod = msgspec.convert({"metadata": metadata, "spec": spec}, Pod)
    contents = Random(number).randbytes(file_bytes).hex()[:file_bytes]
    objects = InputObjects({"files": ConfigMapContents("files", {"file": contents})})
    inputs = resolve_inputs(pod, InputNeeds(("main",)), objects, NodeView("bench")).complete()
    mark = PodMark("cluster", "default", f"full-{number}", uid, 0, "bench")
    return translate(pod, inputs, mark, GpuCatalogue.of(()))

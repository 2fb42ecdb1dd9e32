"""How many pods a second become checked create requests on one core: plain ones, and ones with files.

What is counted is processor time of this process, so that other work on the machine does not count. Every pod is a new
one: nothing is measured that is only remembered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import resources
from random import Random
from typing import Any

import msgspec
import yaml
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.downward import NodeView
from scvk.kubelet.input_objects import ConfigMapContents, InputObjects
from scvk.kubelet.inputs import InputNeeds
from scvk.kubelet.resolution import resolve_inputs
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import PodMark
from scvk.provider.translate import translate
from scvk.saladcloud.models import packaged_classes

PLAIN_PODS = 300
PODS_WITH_FILES = 60
FILES = 10
FILE_BYTES = 2048
"""Ten files of 2 KiB: 20 KiB for a pod."""

_CONFIG_MAP = "files"
_WORDS = ("listen", "upstream", "timeout", "path", "cache", "worker", "level", "debug", "target", "name")


def plain_rates(runs: int) -> list[float]:
    """Return pods a second of each run, for the pod of the walkthrough: probes, variables, a GPU class, networking."""
    pods = [_pod(number) for number in range(PLAIN_PODS)]
    return [_rate(pods, lambda _: InputObjects()) for _ in range(runs)]


def rates_with_files(runs: int) -> list[float]:
    """Return pods a second of each run, for the same pod with a ConfigMap of 20 KiB mounted."""
    pods = [_pod(number, _with_files) for number in range(PODS_WITH_FILES)]
    contents = [_config_map(number) for number in range(PODS_WITH_FILES)]
    return [_rate(pods, contents.__getitem__) for _ in range(runs)]


def _rate(pods: Sequence[Pod], objects: Callable[[int], InputObjects]) -> float:
    catalogue = GpuCatalogue.of(each.gpu_class for each in packaged_classes())
    started = time.process_time()
    for number, pod in enumerate(pods):
        assert pod.metadata is not None
        assert pod.spec is not None
        needs = InputNeeds(tuple(container.name for container in pod.spec.containers))
        inputs = resolve_inputs(pod, needs, objects(number), NodeView("bench")).complete()
        mark = PodMark("cluster", "default", pod.metadata.name or "", pod.metadata.uid or "", 0, "bench")
        translation = translate(pod, inputs, mark, catalogue)
        assert translation.request is not None, translation.findings
    return len(pods) / (time.process_time() - started)


def _pod(number: int, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Pod:
    text = resources.files("scvk.demo").joinpath("walkthrough.yaml").read_text(encoding="utf-8")
    template = yaml.safe_load(text)["spec"]["template"]
    uid = f"11111111-2222-3333-4444-{number:012}"
    template["metadata"].update(name=f"hello-{number}", namespace="default", uid=uid)
    change(template)
    return msgspec.convert(template, Pod)


def _with_files(template: dict[str, Any]) -> None:
    spec = template["spec"]
    spec["volumes"] = [{"name": "v", "configMap": {"name": _CONFIG_MAP}}]
    container = spec["containers"][0]
    container["volumeMounts"] = [{"name": "v", "mountPath": "/etc/app"}]
    container["command"] = container.get("command") or ["/bin/app"]


def _config_map(number: int) -> InputObjects:
    random = Random(number)
    data = {}
    for file in range(FILES):
        lines = "\n".join(f"{random.choice(_WORDS)}_{random.randrange(10**6)}: {random.random()}" for _ in range(100))
        data[f"part-{file}.yaml"] = lines[:FILE_BYTES]
    return InputObjects({_CONFIG_MAP: ConfigMapContents(_CONFIG_MAP, data)})

"""The examples of the walkthrough, put through the translation that the agent uses."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
import yaml
from lightkube.resources.core_v1 import Pod

from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import PodMark
from scvk.provider.translate import Translation, translate
from scvk.saladcloud.models import GpuClass, RestartPolicy, body_of
from tests.unit.docs.pages import ROOT, blocks, labelled, page, table
from tests.unit.provider.pod_inputs import inputs_of

WALKTHROUGH = page("docs/walkthrough.md")
MANIFEST = (ROOT / "src" / "scvk" / "demo" / "walkthrough.yaml").read_text(encoding="utf-8")
GPU_CLASS = GpuClass(id="dec851b7-eba7-4457-a319-a01b611a810e", name="RTX 3060 (12 GB)", gpu_count=1)
MARK = PodMark("c1", "default", "hello", "b2f1c9e0-6f0c-4b43-9a26-3a1f0f8e8d11", 0, "node-a")


def translated(template: dict[str, Any]) -> Translation:
    """Translate a pod template."""
    metadata = {"name": "hello", "namespace": "default", **template.get("metadata", {})}
    pod = msgspec.convert({"metadata": metadata, "spec": template["spec"]}, Pod)
    return translate(pod, inputs_of(pod), MARK, GpuCatalogue.of([GPU_CLASS]))


def of_container(**fields: Any) -> Translation:
    """Translate a pod whose one container has these fields."""
    return translated({"spec": {"containers": [{"name": "main", "image": "nginx", **fields}]}})


def sent(translation: Translation) -> dict[str, Any]:
    """Return the body of the request."""
    assert translation.request is not None, translation.findings
    body: dict[str, Any] = json.loads(msgspec.json.encode(body_of(translation.request)))
    return body


def test_the_walkthrough_shows_the_manifest_that_the_demo_applies() -> None:
    shown = [
        block.text for block in blocks(WALKTHROUGH) if block.language == "yaml" and "kind: Deployment" in block.text
    ]
    assert shown == [MANIFEST]


def test_the_manifest_is_carried_over_without_a_finding() -> None:
    deployment = yaml.safe_load(MANIFEST)
    translation = translated(deployment["spec"]["template"])
    assert translation.findings == ()
    body = sent(translation)
    assert deployment["spec"]["replicas"] == 3
    assert body["replicas"] == 1
    assert body["restart_policy"] == RestartPolicy.ALWAYS
    assert body["networking"] == {"protocol": "http", "port": 1234, "auth": False}
    assert body["container"]["resources"] == {"cpu": 1, "memory": 1024, "gpu_classes": [GPU_CLASS.id]}


def test_the_fragments_are_parts_of_the_manifest() -> None:
    deployment = yaml.safe_load(MANIFEST)
    fragments = [yaml.safe_load(block.text) for block in blocks(WALKTHROUGH) if block.text.startswith("spec:")]
    assert len(fragments) == 3
    for fragment in fragments:
        assert contains(deployment, fragment)


def test_the_probes_are_sent_as_the_walkthrough_says() -> None:
    probes = yaml.safe_load(labelled(WALKTHROUGH, "probes of a pod").text)
    shown = json.loads(labelled(WALKTHROUGH, "probes of its group").text)
    translation = of_container(**probes)
    body = sent(translation)
    assert {name: body[name] for name in shown} == shown
    assert [finding.reason_code for finding in translation.findings] == ["ProbeTimingAdjusted"]


@pytest.mark.parametrize(
    ("asked", "granted"), [pytest.param(*row, id=row[0]) for row in table(WALKTHROUGH, "resources")]
)
def test_resources_are_granted_as_the_walkthrough_says(asked: str, granted: str) -> None:
    requests = dict(re.findall(r"`([\w-]+): (\w+)`", asked))
    assert requests or asked == "nothing"
    resources = sent(of_container(resources={"requests": requests}))["container"]["resources"]
    expected = {name: int(number) for name, number in re.findall(r"`(\w+)` (\d+)", granted)}
    assert {name: resources[name] for name in expected} == expected


def test_the_refused_pod_is_refused_in_the_words_of_the_walkthrough() -> None:
    (script,) = [block.text for block in blocks(WALKTHROUGH) if "kind: Pod\n" in block.text]
    pod = yaml.safe_load(script.split("<<'END'\n")[1].split("END\n")[0])
    translation = translated(pod)
    assert translation.request is None
    assert [finding.reason_code for finding in translation.findings] == ["UnsupportedVolume"]


def contains(whole: Any, part: Any) -> bool:
    """Say whether `part` is what is left of `whole` when some keys are left out."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    return bool(whole == part)

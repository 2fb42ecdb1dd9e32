"""Whatever a manifest holds, it gets a report that keeps to the schema, and no report depends on a Secret's content."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from lightkube.resources.core_v1 import Pod

from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.manifests import ManifestError, Source, read_manifests
from scvk.provider.preview import Surroundings, preview
from scvk.provider.preview.interface import SCHEMA, as_document
from scvk.saladcloud.models import packaged_classes
from tests.unit.provider.translate.test_properties import any_pod, carried_pod

SURROUNDINGS = Surroundings(catalogue=GpuCatalogue.of(each.gpu_class for each in packaged_classes()))
VALID = Draft202012Validator(SCHEMA)


def documented(*objects: dict[str, Any]) -> dict[str, Any]:
    text = "\n---\n".join(json.dumps(each) for each in objects)
    manifests = read_manifests([Source("-", text)])
    return as_document(
        preview(workload, SURROUNDINGS, manifests.inputs_of(workload.namespace), namespace_annotations={})
        for workload in manifests.workloads
    )


def written(pod: Pod) -> dict[str, Any]:
    body: dict[str, Any] = pod.to_dict()
    return {"apiVersion": "v1", "kind": "Pod", **body, "metadata": {"name": "p", **body.get("metadata", {})}}


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(any_pod() | carried_pod())
def test_any_pod_gets_a_report(pod: Pod) -> None:
    try:
        document = documented(written(pod))
    except ManifestError:  # texts that YAML cannot hold
        return
    assert [error.message for error in VALID.iter_errors(document)] == []
    assert len(document["pods"]) == 1


letters = st.text("abcdefgh", min_size=4, max_size=60)


@given(letters, st.data())
def test_a_report_does_not_depend_on_what_a_secret_holds(one: str, data: st.DataObject) -> None:
    other = data.draw(st.text("abcdefgh", min_size=len(one), max_size=len(one)))
    multi_line, mounted = data.draw(st.booleans()), data.draw(st.booleans())
    container = {
        "name": "c",
        "image": "i",
        "command": ["run", "--password=$(P)"],
        "args": ["$(URL)", "plain"],
        "env": [
            {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "URL", "value": "db://$(P)@h"},
            {"name": "LINES", "value": "a\nb" if multi_line else "a"},
        ],
        "envFrom": [{"prefix": "ALL_", "secretRef": {"name": "s"}}],
        "volumeMounts": [{"name": "v", "mountPath": "/etc/s"}] if mounted else [],
    }
    spec = {
        "containers": [container],
        "initContainers": [{**container, "name": "i"}] if data.draw(st.booleans()) else [],
        "volumes": [{"name": "v", "secret": {"secretName": "s"}}],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}

    def report(value: str) -> dict[str, Any]:
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": value}}
        return documented(secret, pod)

    assert report(one) == report(other)

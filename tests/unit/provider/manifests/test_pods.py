"""The pod of a workload has what its controller would add."""

from __future__ import annotations

import textwrap

import pytest
from lightkube.resources.core_v1 import Pod

from scvk.provider.manifests import Source, Workload, read_manifests

POD_SPEC = "{containers: [{name: c, image: i}]}"


def workload(text: str) -> Workload:
    [found] = read_manifests([Source("-", textwrap.dedent(text))]).workloads
    return found


def template(kind: str, version: str = "apps/v1", more: str = "", spec: str = POD_SPEC) -> str:
    return (
        f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: w, annotations: {{own: x}}}}\n"
        "spec:\n  selector: {matchLabels: {a: b}}\n"
        f"  template: {{metadata: {{annotations: {{p: q}}}}, spec: {spec}}}\n" + more
    )


def owner(pod: Pod) -> str | None:
    owners = (pod.metadata.ownerReferences if pod.metadata else None) or []
    return owners[0].kind if owners else None


@pytest.mark.parametrize(
    ("text", "owned_by"),
    [
        (template("Deployment"), "ReplicaSet"),
        (template("ReplicaSet"), "ReplicaSet"),
        (template("StatefulSet"), "StatefulSet"),
        (template("DaemonSet"), "DaemonSet"),
        (template("Job", "batch/v1"), "Job"),
    ],
)
def test_a_template_becomes_a_pod_with_its_owner(text: str, owned_by: str) -> None:
    found = workload(text)
    assert found.annotations == {"own": "x"}
    assert found.pod.metadata is not None
    assert (found.pod.metadata.annotations or {})["p"] == "q"
    assert owner(found.pod) == owned_by


UID = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (template("Deployment"), {"pod-template-hash": "0000000000"}),
        (template("ReplicaSet"), {}),
        (template("DaemonSet"), {"controller-revision-hash": "0000000000", "pod-template-generation": "1"}),
        (
            template("StatefulSet"),
            {
                "controller-revision-hash": "w-0000000000",
                "statefulset.kubernetes.io/pod-name": "w-0",
                "apps.kubernetes.io/pod-index": "0",
            },
        ),
        (
            template("Job", "batch/v1"),
            {
                "batch.kubernetes.io/controller-uid": UID,
                "controller-uid": UID,
                "batch.kubernetes.io/job-name": "w",
                "job-name": "w",
            },
        ),
    ],
    ids=["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job"],
)
def test_labels_that_a_controller_adds_have_stand_ins(text: str, labels: dict[str, str]) -> None:
    assert workload(text).pod.metadata is not None
    assert workload(text).pod.metadata.labels == labels  # type: ignore[union-attr]


def test_a_cronjobs_pod_is_that_of_its_jobs() -> None:
    text = f"""
        apiVersion: batch/v1
        kind: CronJob
        metadata: {{name: w}}
        spec: {{schedule: "* * * * *", jobTemplate: {{spec: {{template: {{spec: {POD_SPEC}}}}}}}}}
    """
    found = workload(text)
    assert found.kind == "CronJob"
    assert owner(found.pod) == "Job"
    assert found.pod.metadata is not None
    assert (found.pod.metadata.labels or {})["job-name"] == "w"


def test_a_statefulsets_first_pod_has_its_ordinal_its_host_name_and_its_claims() -> None:
    more = "  serviceName: svc\n  volumeClaimTemplates: [{metadata: {name: data}, spec: {}}]\n"
    spec = "{containers: [{name: c, image: i}], volumes: [{name: data, emptyDir: {}}, {name: tmp, emptyDir: {}}]}"
    pod = workload(template("StatefulSet", more=more, spec=spec)).pod
    assert pod.metadata is not None
    assert pod.spec is not None
    assert (pod.metadata.name, pod.spec.hostname, pod.spec.subdomain) == ("w-0", "w-0", "svc")
    assert (pod.metadata.labels or {})["apps.kubernetes.io/pod-index"] == "0"
    tmp, claim = pod.spec.volumes or []
    assert tmp.name == "tmp"
    assert claim.persistentVolumeClaim is not None
    assert claim.persistentVolumeClaim.claimName == "data-w-0"


def test_an_indexed_jobs_first_pod_knows_its_index() -> None:
    pod = workload(template("Job", "batch/v1", "  completionMode: Indexed\n")).pod
    assert pod.metadata is not None
    assert pod.spec is not None
    assert (pod.metadata.annotations or {})["batch.kubernetes.io/job-completion-index"] == "0"
    [variable] = pod.spec.containers[0].env or []
    assert variable.name == "JOB_COMPLETION_INDEX"
    assert variable.valueFrom is not None
    assert variable.valueFrom.fieldRef is not None


def test_a_workload_that_shares_a_template_by_alias_changes_no_other() -> None:
    text = (
        f"apiVersion: v1\nkind: List\nitems:\n- apiVersion: batch/v1\n  kind: Job\n  metadata: {{name: a}}\n"
        f"  spec: {{completionMode: Indexed, template: &t {{spec: {POD_SPEC}}}}}\n"
        "- apiVersion: batch/v1\n  kind: Job\n  metadata: {name: b}\n  spec: {template: *t}\n"
    )
    _, second = read_manifests([Source("-", text)]).workloads
    assert second.pod.spec is not None
    assert second.pod.spec.containers[0].env is None

"""What a whole pod becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.inputs import PodInputs
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import PodMark, environment, group_name
from scvk.provider.translate import Outcome, Translation, translate
from scvk.provider.translate.policy import Policy
from scvk.saladcloud.models import body_of

MARK = PodMark("c1", "shop", "web", "b2f1c9e0-6f0c-4b43-9a26-3a1f0f8e8d11", 1, "node-a")
Translate = Callable[..., Translation]


def body(translation: Translation) -> dict[str, Any]:
    assert translation.request is not None, translation.findings
    return body_of(translation.request)


def refusals(translation: Translation) -> list[tuple[str, str]]:
    assert translation.request is None
    return [(each.path, each.reason_code) for each in translation.findings if each.outcome is Outcome.REFUSED]


def test_the_least_pod_becomes_the_least_group(translated: Translate) -> None:
    translation = translated()
    assert translation.findings == ()
    assert body(translation) == {
        "name": group_name(MARK),
        "display_name": "shop web",
        "container": {
            "image": "nginx",
            "environment_variables": environment(MARK),
            "resources": {"cpu": 1, "memory": 1024},
        },
        "replicas": 1,
        "restart_policy": "always",
        "autostart_policy": True,
    }


@pytest.mark.parametrize(
    ("written", "policy"),
    [(None, "always"), ("Always", "always"), ("OnFailure", "on_failure"), ("Never", "never")],
)
def test_the_restart_policy_is_carried_over(translated: Translate, written: str | None, policy: str) -> None:
    assert body(translated(spec={"restartPolicy": written}))["restart_policy"] == policy


def test_what_the_api_server_adds_to_every_pod_changes_nothing(translated: Translate) -> None:
    token = {
        "name": "kube-api-access-x7k2p",
        "projected": {
            "defaultMode": 420,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
            ],
        },
    }
    defaults = translated(
        spec={
            "volumes": [token],
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": True,
            "nodeName": "node-a",
            "preemptionPolicy": "PreemptLowerPriority",
            "priority": 0,
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "serviceAccount": "default",
            "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 30,
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
            "hostNetwork": False,
            "os": {"name": "linux"},
            "nodeSelector": {"type": "virtual-kubelet", "kubernetes.io/os": "linux"},
        },
        imagePullPolicy="Always",
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        volumeMounts=[
            {
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                "name": "kube-api-access-x7k2p",
                "readOnly": True,
            }
        ],
    )
    assert defaults == translated()


def test_a_pod_without_containers_is_refused() -> None:
    for pod in (Pod(), msgspec.convert({"spec": {"containers": []}}, Pod)):
        translation = translate(pod, PodInputs(), MARK, GpuCatalogue.of([]))
        assert refusals(translation) == [("spec.containers", "NoContainer")]


def test_every_reason_is_given_at_once(translated: Translate) -> None:
    translation = translated(
        spec={"hostNetwork": True, "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
        args=["--serve\0"],
        annotations={"salad.com/country-codes": "zz"},
    )
    assert refusals(translation) == [
        ("spec.hostNetwork", "UnsupportedHostNamespace"),
        ("spec.volumes[0]", "UnsupportedVolume"),
        ("spec.containers[0].args[0]", "UnsupportedCommand"),
        ("metadata.annotations[salad.com/country-codes]", "InvalidAnnotation"),
    ]


def test_further_containers_are_refused_each(translated: Translate) -> None:
    others = [{"name": name, "image": "nginx"} for name in ("main", "log", "proxy")]
    assert refusals(translated(spec={"containers": others})) == [
        ("spec.containers[1]", "UnsupportedContainer"),
        ("spec.containers[2]", "UnsupportedContainer"),
    ]


def test_pods_of_daemon_sets_are_not_run_for_that_reason_alone(translated: Translate) -> None:
    owner = {"apiVersion": "apps/v1", "name": "x", "uid": "u", "controller": True}
    hosted = {"hostNetwork": True, "volumes": [{"name": "root", "hostPath": {"path": "/"}}]}
    daemon = {"ownerReferences": [{**owner, "kind": "DaemonSet"}]}
    assert refusals(translated(metadata=daemon, spec=hosted)) == [("metadata.ownerReferences[0]", "DaemonSetPod")]
    assert translated(metadata=daemon, policy=Policy(run_daemonsets=True)).request is not None


def test_a_daemon_set_of_another_maker_is_one_too(translated: Translate) -> None:
    owner = {"apiVersion": "apps.kruise.io/v1alpha1", "name": "x", "uid": "u", "controller": True}
    assert translated(metadata={"ownerReferences": [{**owner, "kind": "StatefulSet"}]}).request is not None
    advanced = {"ownerReferences": [{**owner, "kind": "DaemonSet"}]}
    assert refusals(translated(metadata=advanced)) == [("metadata.ownerReferences[0]", "DaemonSetPod")]


def test_unknown_annotations_are_told_and_do_not_stop_the_pod(translated: Translate) -> None:
    translation = translated(
        annotations={"salad.com/gpu-class": "x", "scvk.salad.com/record": "{}", "example.com/a": "b"}
    )
    assert translation.request is not None
    (finding,) = translation.findings
    assert finding.outcome is Outcome.DEGRADED
    assert finding.path == "metadata.annotations[salad.com/gpu-class]"
    assert "did you mean salad.com/gpu-classes?" in finding.reason


@pytest.mark.parametrize(
    ("namespace", "name", "shown"),
    [("shop", "web-1.example", "shop web-1.example"), ("n", "w" * 99, "n " + "w" * 61)],
)
def test_the_display_name_is_readable(namespace: str, name: str, shown: str) -> None:
    pod = msgspec.convert({"spec": {"containers": [{"name": "main", "image": "nginx"}]}}, Pod)
    mark = PodMark("c1", namespace, name, "u1", 1, "node-a")
    assert body(translate(pod, PodInputs(), mark, GpuCatalogue.of([])))["display_name"] == shown


def test_what_the_document_would_refuse_is_refused_here() -> None:
    # No Kubernetes object has such a name; the last check against the document finds it all the same.
    pod = msgspec.convert({"spec": {"containers": [{"name": "main", "image": "nginx"}]}}, Pod)
    translation = translate(pod, PodInputs(), PodMark("c\n1", "shop", "web", "u1", 1, "a"), GpuCatalogue.of([]))
    assert refusals(translation) == [("request.container.environment_variables.SCVK_CLUSTER_ID", "InvalidRequest")]


def test_an_init_container_has_no_restart_policy_of_its_own(translated: Translate) -> None:
    init = {"name": "i", "image": "nginx", "command": ["true"], "restartPolicy": "OnFailure"}
    refused = translated(command=["run"], spec={"initContainers": [init]})
    assert [each.path for each in refused.findings if each.outcome is Outcome.REFUSED] == [
        "spec.initContainers[0].restartPolicy"
    ]


def test_no_repr_shows_a_command(translated: Translate) -> None:
    assert "hunter2" not in repr(translated(command=["curl", "hunter2"]))

"""A real control plane: its version, rights, scheduling, certificates, and outages."""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import urllib.request
from collections.abc import AsyncIterator
from itertools import count

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from scvk.testbed import COMPONENTS, Testbed, TestbedError
from scvk.testbed.certificates import new_key
from scvk.testbed.waiting import Timing, wait_until

DEADLINE_S = 60.0
NAMESPACES = count(1)

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example.test/web}]}
"""

NODE = """
apiVersion: v1
kind: Node
metadata: {name: paper}
"""

NODE_STATUS = json.dumps(
    {
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"},
            "capacity": {"cpu": "4", "memory": "8Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Test", "message": ""}],
        }
    }
)


@pytest.fixture
async def namespace(testbed: Testbed) -> AsyncIterator[str]:
    name = f"test-{next(NAMESPACES)}"
    await testbed.kubectl("create", "namespace", name)
    yield name
    await testbed.kubectl("delete", "namespace", name, "--wait=false")


async def test_versions_are_those_of_the_release(testbed: Testbed) -> None:
    said = json.loads((await testbed.kubectl("version", "--output=json")).stdout)
    for side in ("clientVersion", "serverVersion"):
        assert said[side]["gitVersion"] == f"v{testbed.version}"
        assert f"{said[side]['major']}.{said[side]['minor']}" == testbed.version.rpartition(".")[0]


def test_api_server_is_vouched_for_by_the_ca(testbed: Testbed) -> None:
    context = ssl.create_default_context(cafile=str(testbed.ca_certificate))
    with urllib.request.urlopen(f"{testbed.api_url}/livez", context=context) as answer:
        assert answer.read() == b"ok"


async def test_user_without_rights_is_forbidden(testbed: Testbed) -> None:
    stranger = testbed.user_kubeconfig("stranger")
    refused = await testbed.kubectl("get", "pods", kubeconfig=stranger, check=False)
    assert refused.returncode == 1
    assert 'User "stranger" cannot list resource "pods"' in refused.stderr


async def test_user_has_the_rights_of_its_groups(testbed: Testbed, namespace: str) -> None:
    await testbed.kubectl("create", "rolebinding", "r", "--clusterrole=view", "--group=crew", "-n", namespace)
    member = testbed.user_kubeconfig("jane", ["crew"], namespace=namespace)
    assert (await testbed.kubectl("auth", "can-i", "list", "pods", kubeconfig=member)).stdout == "yes\n"


async def test_service_account_logs_in_by_its_token(testbed: Testbed, namespace: str) -> None:
    await testbed.kubectl("create", "serviceaccount", "robot", "-n", namespace)
    robot = await testbed.service_account_kubeconfig(namespace, "robot")
    said = await testbed.kubectl("auth", "whoami", "--output=json", kubeconfig=robot)
    user = json.loads(said.stdout)["status"]["userInfo"]["username"]
    assert user == f"system:serviceaccount:{namespace}:robot"


async def test_kubelets_client_has_the_kubelet_api_and_no_more(testbed: Testbed) -> None:
    user = "--as=kube-apiserver-kubelet-client"
    proxy = ["create", "nodes", "--subresource=proxy"]
    assert (await testbed.kubectl("auth", "can-i", *proxy, user)).stdout == "yes\n"
    assert (await testbed.kubectl("auth", "can-i", "get", "secrets", user, check=False)).stdout == "no\n"


async def test_pod_waits_for_a_node_and_is_bound_to_it(testbed: Testbed, namespace: str) -> None:
    await testbed.kubectl("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)

    async def pod_says(path: str) -> str:
        said = await testbed.kubectl("get", "pods", "-n", namespace, f"--output=jsonpath={path}")
        return said.stdout

    async def unschedulable() -> bool:
        return "Unschedulable" in await pod_says("{.items[*].status.conditions[*].reason}")

    async def bound() -> bool:
        return await pod_says("{.items[*].spec.nodeName}") == "paper"

    assert await wait_until(unschedulable, DEADLINE_S, 0.2, Timing())
    assert await pod_says("{.items[*].status.phase}") == "Pending"
    assert "kube-api-access" in await pod_says("{.items[*].spec.volumes[*].name}")
    await testbed.apply(NODE)
    await testbed.kubectl("patch", "node", "paper", "--subresource=status", "-p", NODE_STATUS)
    assert await wait_until(bound, DEADLINE_S, 0.2, Timing())
    await testbed.kubectl("delete", "node", "paper")


async def test_serving_certificate_is_signed_on_approval(testbed: Testbed) -> None:
    """The controller manager holds the cluster's authority: kubelets get serving certificates."""
    names = [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, "system:node:paper")]
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(kind, name) for kind, name in names]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("paper")]), critical=False)
        .sign(new_key(), hashes.SHA256())
    )
    spec = {
        "request": base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode(),
        "signerName": "kubernetes.io/kubelet-serving",
        "usages": ["digital signature", "server auth"],
    }
    node = testbed.user_kubeconfig("system:node:paper", ["system:nodes"])
    manifest = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "paper"},
        "spec": spec,
    }
    await testbed.kubectl("create", "-f", "-", stdin=json.dumps(manifest), kubeconfig=node)
    await testbed.kubectl("certificate", "approve", "paper")

    async def signed() -> bool:
        said = await testbed.kubectl("get", "csr", "paper", "--output=jsonpath={.status.certificate}")
        return bool(said.stdout)

    assert await wait_until(signed, DEADLINE_S, 0.2, Timing())


async def test_failed_apply_says_what_kubectl_said(testbed: Testbed) -> None:
    with pytest.raises(TestbedError, match="Nonsense"):
        await testbed.apply("apiVersion: v1\nkind: Nonsense\nmetadata: {name: x}\n")


async def test_api_server_comes_back_after_an_outage_with_its_data(testbed: Testbed, namespace: str) -> None:
    await testbed.kubectl("create", "configmap", "kept", "-n", namespace)
    await testbed.stop_component("kube-apiserver")
    assert testbed.pid("kube-apiserver") is None
    refused = await testbed.kubectl("get", "--raw=/livez", check=False)
    assert refused.returncode != 0
    await testbed.start_component("kube-apiserver")
    await testbed.kubectl("get", "configmap", "kept", "-n", namespace)
    assert all(testbed.pid(component) for component in COMPONENTS)


async def test_silent_api_server_is_a_timeout(testbed: Testbed) -> None:
    """A stopped process accepts connections and never answers: the outage that hurts most."""
    pid = testbed.pid("kube-apiserver")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TestbedError, match="no end after 1 s"):
            await testbed.kubectl("get", "--raw=/livez", timeout_s=1)
    finally:
        os.kill(pid, signal.SIGCONT)
    await testbed.kubectl("get", "--raw=/readyz")


async def test_metrics_server_serves_its_api_beside_the_control_plane(testbed: Testbed) -> None:
    await testbed.start_metrics_server()
    assert json.loads((await testbed.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")).stdout)["kind"] == (
        "NodeMetricsList"
    )

"""The Helm chart, by real Helm: what it renders for whose values, and that the agent runs as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scvk.kubelet.rights import rights
from tests.e2e.helm import CHART, Helm, HelmFailed, deployed_agent, only, without_marks
from tests.e2e.processes import API_KEY, ORGANIZATION, PROJECT, until
from tests.e2e.stage import Stage

SALAD: dict[str, Any] = {"organizationName": "acme-corp", "projectName": "default", "apiKey": "a-key"}


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    return Helm(tmp_path)


def variables(deployment: Any) -> dict[str, Any]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value") for each in container["env"]}


def image(deployment: Any) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_the_chart_has_nothing_that_helm_warns_of(helm: Helm) -> None:
    await helm("lint", "--strict", str(CHART), values={"salad": SALAD})


async def test_the_walkthroughs_values_mean_what_they_meant(helm: Helm) -> None:
    values = {"salad": SALAD, "provider": {"nodename": "sce-vk", "image": {"tag": "latest"}}, "name": "salad-node"}
    deployment = only(await helm.template(values), "Deployment")
    assert deployment["metadata"]["name"] == "salad-node"
    assert variables(deployment)["SALAD_VK_NODE_NAME"] == "sce-vk"
    assert image(deployment).endswith("/virtual-kubelet-saladcloud:latest")


async def test_the_published_charts_values_mean_what_they_meant(helm: Helm) -> None:
    digest = f"sha256:{'0' * 64}"
    values = {
        "salad": {**SALAD, "nodeName": "gpu", "debug": True},
        "imageRegistry": "registry.example.test",
        "imageName": "scvk",
        "imageDigest": digest,
        "pod": {"tolerations": [{"operator": "Exists"}], "annotations": {"a": "b"}},
        "deployment": {"name": "agent"},
        "serviceAccount": {"create": False, "name": "mine"},
        "clusterRoleBinding": {"create": False},
        "secret": {"create": False, "name": "key-of-mine"},
    }
    objects = await helm.template(values)
    assert [each["kind"] for each in objects] == ["Deployment"]
    (deployment,) = objects
    spec = deployment["spec"]["template"]["spec"]
    assert deployment["metadata"]["name"] == "agent"
    assert image(deployment) == f"registry.example.test/scvk@{digest}"
    assert variables(deployment)["SALAD_VK_LOG_LEVEL"] == "debug"
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["serviceAccountName"] == "mine"
    assert spec["volumes"][0]["secret"]["secretName"] == "key-of-mine"


async def test_options_of_the_agent_become_flags(helm: Helm) -> None:
    agent = {"default-gpu-classes": ["RTX 4090 (24 GB)", "rtx3090"], "strict": True, "service-links": False}
    deployment = only(await helm.template({"salad": SALAD, "agent": {**agent, "wrapper-limit": 65536}}), "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["args"] == [
        "run",
        "--default-gpu-classes=RTX 4090 (24 GB)",
        "--default-gpu-classes=rtx3090",
        "--strict",
        "--wrapper-limit=65536",
    ]


async def test_the_ssh_key_of_instances_is_a_mounted_secret(helm: Helm) -> None:
    deployment = only(await helm.template({"salad": SALAD, "ssh": {"secretName": "ssh-key"}}), "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert variables(deployment)["SALAD_VK_SSH_PRIVATE_KEY_FILE"] == "/etc/saladcloud-ssh/ssh-privatekey"
    (mount,) = [each for each in spec["containers"][0]["volumeMounts"] if each["mountPath"] == "/etc/saladcloud-ssh"]
    (volume,) = [each for each in spec["volumes"] if each["name"] == mount["name"]]
    assert volume["secret"] == {"secretName": "ssh-key", "defaultMode": 0o440}


async def test_the_agent_is_one_and_restricted(helm: Helm) -> None:
    deployment = only(await helm.template({"salad": SALAD}), "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not image(deployment).endswith(":latest")
    assert "a-key" not in str(deployment)


@pytest.mark.parametrize(
    ("agent", "ports"),
    [
        pytest.param({}, [10250], id="a kubelet's"),
        pytest.param({"kubelet-port": 10350}, [10350], id="chosen"),
        pytest.param({"kubelet-port": 0}, [], id="a free one, which nobody knows before"),
    ],
)
async def test_the_pod_shows_the_port_that_the_api_server_calls(
    helm: Helm, agent: dict[str, Any], ports: list[int]
) -> None:
    deployment = only(await helm.template({"salad": SALAD, "agent": agent}), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [each["containerPort"] for each in container.get("ports", ())] == ports


async def test_a_new_key_starts_the_agent_anew(helm: Helm) -> None:
    def annotations(objects: list[Any]) -> Any:
        return only(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]

    first = annotations(await helm.template({"salad": SALAD}))
    assert annotations(await helm.template({"salad": {**SALAD, "apiKey": "another"}})) != first


@pytest.mark.parametrize("certificate", ["self-signed", "csr"])
async def test_the_charts_rights_are_those_that_the_agent_needs(helm: Helm, certificate: str) -> None:
    objects = await helm.template({"salad": SALAD, "agent": {"kubelet-certificate": certificate}})
    account = only(objects, "ServiceAccount")["metadata"]["name"]
    expected = rights(namespace="sce", service_account=account, certificate_requests=certificate == "csr")
    places = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in expected}
    rendered = [without_marks(each) for each in objects if each["kind"] not in ("Deployment", "Secret")]
    for each in rendered:
        each.pop("automountServiceAccountToken", None)
    assert {(e["kind"], e["metadata"].get("namespace"), e["metadata"]["name"]): e for e in rendered} == places


async def test_secrets_may_be_read_in_listed_namespaces_only(helm: Helm) -> None:
    objects = await helm.template({"salad": SALAD, "rbac": {"namespaces": ["ml", "web"]}})
    reading = {
        (each["kind"], each["metadata"].get("namespace"))
        for each in objects
        for rule in each.get("rules", ())
        if "secrets" in rule["resources"]
    }
    assert reading == {("Role", "ml"), ("Role", "web")}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param(
            {"salad": {"organizationName": "acme-corp", "projectName": "default"}}, "salad.apiKey", id="no key"
        ),
        pytest.param({"salad": {**SALAD, "projectName": ""}}, "salad.projectName", id="no project"),
        pytest.param({"salad": {**SALAD, "organizationName": "Acme Corp"}}, "organizationName", id="display name"),
        pytest.param({"salad": SALAD, "secret": {"create": False}}, "secret.name", id="no Secret"),
        pytest.param({"salad": SALAD, "replicaCount": 2}, "replicaCount", id="two agents"),
        pytest.param({"salad": SALAD, "agent": {"stritc": True}}, "stritc", id="mistyped option"),
        pytest.param({"salad": SALAD, "agent": {"daemonsets": "walk"}}, "daemonsets", id="unknown choice"),
        pytest.param({"salad": SALAD, "imageTagg": "x"}, "imageTagg", id="mistyped value"),
    ],
)
async def test_values_that_cannot_be_are_refused_by_name(helm: Helm, values: dict[str, Any], words: str) -> None:
    with pytest.raises(HelmFailed, match=words):
        await helm.template(values)


async def test_an_installed_agent_runs_pods_under_the_charts_account(stage: Stage) -> None:
    helm = Helm(stage.folder, stage.testbed.kubeconfig)
    values = {
        "salad": {
            "organizationName": ORGANIZATION,
            "projectName": PROJECT,
            "apiKey": API_KEY,
            "apiUrl": stage.cloud.url,
            "nodeName": stage.node,
        },
        "fullnameOverride": "salad",
        "agent": {"log-format": "json"},
    }
    place = ("--namespace", stage.namespace)
    said = await helm("install", "sce", str(CHART), *place, values=values)
    assert f"kubectl get node {stage.node}" in said
    token = await stage.testbed.service_account_kubeconfig(stage.namespace, "salad")
    agent = await deployed_agent(stage, "salad", token)
    await agent.start()
    await stage.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web"},
            "spec": {
                "nodeName": stage.node,
                "containers": [{"name": "web", "image": "busybox", "command": ["sleep", "infinity"]}],
                "tolerations": [{"operator": "Exists"}],
            },
        }
    )

    async def runs() -> bool:
        pod = await stage.get("pod", "web")
        return bool(pod["status"]["phase"] == "Running")

    await until("the pod runs", runs)
    assert "forbidden" not in agent.output()
    await stage.kubectl("delete", "pod", "web")
    await agent.stop()
    await helm("uninstall", "sce", *place)
    assert await stage.get("deployment", "salad") is None
    left = await stage.kubectl("get", "clusterrole,clusterrolebinding", "-o", "name")
    assert stage.namespace not in left

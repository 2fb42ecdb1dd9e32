"""Which containers run, which are left out, and which are in the way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.inputs import NamedSecret
from scvk.provider.translate import Outcome
from scvk.provider.translate.injected import WELL_KNOWN
from scvk.provider.translate.run_plan import RunPlan, plan

MESHES = ("istio-*", "linkerd-proxy")
RUN = "salad.com/container"
INIT = "salad.com/init-containers"


def planned(
    containers: list[str | dict[str, Any]],
    init: list[dict[str, Any]] | None = None,
    annotations: dict[str, str] | None = None,
    ignored: tuple[str, ...] = MESHES,
    namespace: dict[str, str] | None = None,
) -> RunPlan:
    """Plan a pod; a container may be written as its name alone. `namespace` has annotations of its namespace."""
    full = [{"image": "nginx", **({"name": each} if isinstance(each, str) else each)} for each in containers]
    own = {"metadata": {"annotations": annotations or {}}}
    pod = msgspec.convert({**own, "spec": {"containers": full, "initContainers": init or []}}, Pod)
    return plan(pod, {**(namespace or {}), **(annotations or {})}, ignored)


def said(found: RunPlan, outcome: Outcome) -> list[tuple[str, str]]:
    return [(each.path, each.reason_code) for each in found.findings if each.outcome is outcome]


def names(placed: Any) -> list[str]:
    return [each.name for each in placed]


@pytest.mark.parametrize(
    ("containers", "annotations", "main", "not_run"),
    [
        (["web"], {}, "web", []),
        (["istio-proxy"], {}, "istio-proxy", []),
        (["web", "istio-proxy"], {}, "web", ["istio-proxy"]),
        (["istio-proxy", "web", "linkerd-proxy"], {}, "web", ["istio-proxy", "linkerd-proxy"]),
        (["web", "log", "istio-proxy"], {RUN: " log "}, "log", ["web", "istio-proxy"]),
        (["web", "istio-proxy"], {RUN: "istio-proxy"}, "istio-proxy", ["web"]),
        (["web", "linkerd-proxy-injector"], {RUN: "web"}, "web", ["linkerd-proxy-injector"]),
    ],
    ids=["one", "one of that name", "injected", "injected first", "named", "named though ignored", "other by name"],
)
def test_exactly_one_container_runs(
    containers: list[str | dict[str, Any]], annotations: dict[str, str], main: str, not_run: list[str]
) -> None:
    found = planned(containers, annotations=annotations)
    assert not found.refused
    assert found.main is not None
    assert found.main.name == main
    assert found.main.path == f"spec.containers[{containers.index(main)}]"
    assert names(found.not_run) == not_run
    assert [code for _, code in said(found, Outcome.IGNORED)] == ["NotRun"] * len(not_run)
    assert found.needs.containers == (main,)


def test_further_containers_are_refused_with_the_way_out() -> None:
    found = planned(["web", "log", "istio-proxy", "metrics"])
    assert said(found, Outcome.REFUSED) == [
        ("spec.containers[1]", "UnsupportedContainer"),
        ("spec.containers[3]", "UnsupportedContainer"),
    ]
    assert all(RUN in each.reason for each in found.findings if each.outcome is Outcome.REFUSED)


def test_a_pod_of_injected_containers_alone_must_say_which_runs() -> None:
    found = planned(["istio-proxy", "linkerd-proxy"])
    assert said(found, Outcome.REFUSED) == [("spec.containers", "UnsupportedContainer")]


def test_a_name_that_no_container_has_is_refused_with_those_that_there_are() -> None:
    found = planned(["web", "log"], annotations={RUN: "wbe"})
    assert said(found, Outcome.REFUSED) == [(f"metadata.annotations[{RUN}]", "InvalidAnnotation")]
    assert "web, log" in found.findings[0].reason


def test_a_pod_without_containers_is_refused() -> None:
    for pod in (Pod(), msgspec.convert({"spec": {"containers": []}}, Pod)):
        assert said(plan(pod, {}), Outcome.REFUSED) == [("spec.containers", "NoContainer")]


@pytest.mark.parametrize("image", ["nginx", "nginx:latest", "docker.io/library/nginx", "index.docker.io/library/nginx"])
def test_init_containers_of_the_same_image_run_in_order(image: str) -> None:
    found = planned(["web"], [{"name": "one", "image": image}, {"name": "two", "image": image}])
    assert names(found.init) == ["one", "two"]
    assert names(found.runs) == ["one", "two", "web"]
    assert found.needs.containers == ("web", "one", "two")
    assert said(found, Outcome.EMULATED) == [
        ("spec.initContainers[0]", "InitContainerInStartUp"),
        ("spec.initContainers[1]", "InitContainerInStartUp"),
    ]
    assert all("again whenever the container starts anew" in each.reason for each in found.findings)


SIDECAR = {"name": "log", "image": "nginx", "restartPolicy": "Always"}
OTHER_IMAGE = {"name": "migrate", "image": "nginx:1.27"}


@pytest.mark.parametrize("init", [SIDECAR, OTHER_IMAGE], ids=["sidecar", "other image"])
def test_init_containers_that_cannot_run_are_refused_or_left_out_by_wish(init: dict[str, Any]) -> None:
    same = {"name": "prepare", "image": "nginx"}
    refused = planned(["web"], [same, init])
    assert said(refused, Outcome.REFUSED) == [("spec.initContainers[1]", "UnsupportedInitContainer")]
    assert f"{INIT}: ignore" in refused.findings[-1].reason
    assert "--ignore-containers" in refused.findings[-1].reason
    left_out = planned(["web"], [same, init], {INIT: "Ignore"})
    assert not left_out.refused
    assert names(left_out.init) == ["prepare"]
    assert names(left_out.not_run) == [init["name"]]


def test_injected_init_containers_are_left_out() -> None:
    found = planned(["web", "istio-proxy"], [{"name": "istio-init", "image": "istio/proxyv2"}])
    assert not found.refused
    assert names(found.not_run) == ["istio-init", "istio-proxy"]


@pytest.mark.parametrize(
    ("sidecar", "init"),
    [
        ("istio-proxy", ["istio-init"]),
        ("istio-proxy", ["istio-validation", "enable-core-dump"]),
        ("linkerd-proxy", ["linkerd-init"]),
        ("linkerd-proxy", ["linkerd-network-validator"]),
        ("kuma-sidecar", ["kuma-validation", "kuma-init"]),
        ("consul-dataplane", ["consul-connect-inject-init"]),
    ],
)
@pytest.mark.parametrize("native", [False, True], ids=["beside", "as a native sidecar"])
def test_what_well_known_meshes_inject_is_left_out_where_the_operator_says_nothing(
    sidecar: str, init: list[str], native: bool
) -> None:
    proxy = {"name": sidecar, "image": "mesh/proxy"}
    before: list[dict[str, Any]] = [{"name": each, "image": "mesh/init"} for each in init]
    if native:
        found = planned(["web"], [*before, {**proxy, "restartPolicy": "Always"}], ignored=WELL_KNOWN)
    else:
        found = planned(["web", proxy], before, ignored=WELL_KNOWN)
    assert not found.refused
    assert names(found.not_run) == [*init, sidecar]


def test_what_a_program_may_need_is_left_out_only_by_the_operators_word() -> None:
    for name in ("envoy", "daprd", "vault-agent", "cloud-sql-proxy", "otel-agent"):
        assert planned(["web", name], ignored=WELL_KNOWN).refused
        assert not planned(["web", name], ignored=(name,)).refused


@pytest.mark.parametrize("ignored", ["vault-agent", "vault-*"])
def test_an_init_container_comes_with_the_agent_of_its_name(ignored: str) -> None:
    init = [{"name": "vault-agent-init", "image": "vault"}]
    assert not planned(["web", "vault-agent"], init, ignored=(ignored,)).refused
    assert planned(["web", "vault-agent"], init, ignored=WELL_KNOWN).refused


def test_init_containers_of_a_mesh_run_where_its_proxy_does() -> None:
    found = planned(["web"], [{"name": "istio-init", "image": "istio/proxyv2"}], ignored=("linkerd-proxy",))
    assert said(found, Outcome.REFUSED) == [("spec.initContainers[0]", "UnsupportedInitContainer")]


@pytest.mark.parametrize(
    ("containers", "main"),
    [(["web"], "web"), (["web", "istio-proxy"], "web"), (["log", "app"], "app"), (["web", "log"], None)],
    ids=["one of another name", "others ignored", "one of that name", "several, none of that name"],
)
def test_a_namespaces_default_names_a_container_only_where_there_is_one(
    containers: list[str | dict[str, Any]], main: str | None
) -> None:
    found = planned(containers, namespace={RUN: "app"})
    assert found.refused is (main is None)
    if main is None:
        assert said(found, Outcome.REFUSED) == [("spec.containers[1]", "UnsupportedContainer")]
    else:
        assert found.main is not None
        assert found.main.name == main


def test_a_wrong_word_for_init_containers_is_refused() -> None:
    found = planned(["web"], annotations={INIT: "skip"})
    assert said(found, Outcome.REFUSED) == [(f"metadata.annotations[{INIT}]", "InvalidAnnotation")]


def test_the_secret_of_the_registry_is_needed_where_it_is_named() -> None:
    assert planned(["web"], annotations={"salad.com/registry-secret": "ecr"}).needs.secrets == (
        NamedSecret("ecr", "metadata.annotations[salad.com/registry-secret]"),
    )
    assert planned(["web"], annotations={"salad.com/registry-secret": ""}).needs.secrets == ()


def probed(handler: dict[str, Any], sidecar: dict[str, Any], init: list[dict[str, Any]] | None = None) -> RunPlan:
    main = {"name": "web", "ports": [{"containerPort": 80, "name": "http"}], "readinessProbe": handler}
    return planned([main, *([sidecar] if sidecar else [])], init, ignored=("*-proxy", "kuma-*", "consul-*", "envoy"))


@pytest.mark.parametrize(
    ("handler", "sidecar", "remedy"),
    [
        ({"httpGet": {"path": "/app-health/web/readyz", "port": 15020}}, "istio-proxy", "sidecar.istio.io/inject"),
        ({"httpGet": {"path": "/8080/ready", "port": 9000}}, "kuma-sidecar", "kuma.io/sidecar-injection"),
        ({"httpGet": {"path": "/osm-readiness-probe", "port": 15902}}, "envoy", "openservicemesh.io"),
        ({"tcpSocket": {"port": 15904}}, "envoy", "openservicemesh.io"),
        ({"httpGet": {"path": "/ready", "port": 20400}}, "consul-dataplane", "consul.hashicorp.com/connect-inject"),
    ],
)
def test_probes_that_a_mesh_has_rewritten_are_refused_with_its_own_mark(
    handler: dict[str, Any], sidecar: str, remedy: str
) -> None:
    found = probed(handler, {"name": sidecar})
    assert said(found, Outcome.REFUSED) == [("spec.containers[0].readinessProbe", "MeshRewrittenProbe")]
    assert remedy in found.findings[-1].reason


def test_a_mesh_whose_sidecar_is_an_init_container_counts_as_well() -> None:
    sidecar = {"name": "istio-proxy", "image": "istio/proxyv2", "restartPolicy": "Always"}
    found = probed({"httpGet": {"path": "/app-health/web/livez", "port": 15020}}, {}, [sidecar])
    assert said(found, Outcome.REFUSED) == [("spec.containers[0].readinessProbe", "MeshRewrittenProbe")]


def test_a_probe_of_a_port_that_only_an_unrun_container_declares_is_refused() -> None:
    found = probed({"tcpSocket": {"port": 4191}}, {"name": "any-proxy", "ports": [{"containerPort": 4191}]})
    assert said(found, Outcome.REFUSED) == [("spec.containers[0].readinessProbe", "MeshRewrittenProbe")]


@pytest.mark.parametrize(
    "handler",
    [
        {"httpGet": {"path": "/app-health", "port": 15020}},
        {"httpGet": {"path": "/ready", "port": "http"}},
        {"tcpSocket": {"port": 9000}},
        {"exec": {"command": ["true"]}},
        {"grpc": {"port": 80}},
    ],
)
def test_probes_of_the_program_itself_stay(handler: dict[str, Any]) -> None:
    sidecar = {"name": "kuma-sidecar", "ports": [{"containerPort": 80}]}
    assert not probed(handler, sidecar).refused


def test_nothing_of_a_container_is_shown() -> None:
    assert "s3cret" not in repr(planned([{"name": "web", "env": [{"name": "A", "value": "s3cret"}]}]))

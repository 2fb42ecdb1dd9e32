"""The report on a workload: outcome, request, needs, price and warnings, as the agent would decide them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from scvk.kubelet.node import Taint
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.manifests import Manifests, Source, read_manifests
from scvk.provider.manifests.objects import account_place
from scvk.provider.preview import Need, PodOutcome, PodReport, Price, Surroundings, preview
from scvk.provider.preview.interface import SCHEMA, as_document
from scvk.provider.translate import Outcome
from scvk.provider.translate.policy import Policy
from scvk.saladcloud.models import GpuClass, GpuClassPrice, document
from scvk.saladcloud.models.violations import violations_of

RTX_4090 = GpuClass(
    id="ed563892-aacd-40f5-80b7-90c9be6c759b",
    name="RTX 4090 (24 GB)",
    prices=(GpuClassPrice(price="0.30", priority="high"), GpuClassPrice(price="0.15", priority="batch")),
)
GTX_1650 = GpuClass(
    id="0f60d6f5-642a-44a5-af51-3ac34d7602c1",
    name="GTX 1650 (4 GB)",
    prices=(GpuClassPrice(price="0.02", priority="high"), GpuClassPrice(price="0.01", priority="batch")),
)
TAINT = Taint("virtual-kubelet.io/provider", "saladcloud", "NoSchedule")
SURROUNDINGS = Surroundings(
    catalogue=GpuCatalogue.of([RTX_4090, GTX_1650]),
    labels={"kubernetes.io/os": "linux", "type": "virtual-kubelet"},
    taints=(TAINT,),
)
TOLERATION = "{key: virtual-kubelet.io/provider, operator: Equal, value: saladcloud, effect: NoSchedule}"
PASSWORD = "hunter2"
REQUIRED_AFFINITY = "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
CONTAINER = "{name: c, image: nginx, command: [run]}"


def pod(container: str = CONTAINER, annotations: str = "{}", spec: str = f"tolerations: [{TOLERATION}]") -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p, annotations: {annotations}}}\n"
        f"spec:\n  containers:\n  - {container}\n  {spec}\n---\n"
    )


def secret(name: str, data: str) -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {data}\n---\n"


def reports(text: str, surroundings: Surroundings = SURROUNDINGS) -> list[PodReport]:
    manifests: Manifests = read_manifests([Source("-", textwrap.dedent(text))])
    return [
        preview(
            workload,
            surroundings,
            manifests.inputs_of(workload.namespace),
            namespace_annotations=manifests.namespace_annotations(workload),
            service_account=manifests.service_accounts.get(account_place(workload)),
        )
        for workload in manifests.workloads
    ]


def report(text: str, surroundings: Surroundings = SURROUNDINGS) -> PodReport:
    [only] = reports(text, surroundings)
    return only


def request(found: PodReport) -> Mapping[str, Any]:
    assert found.request is not None
    return found.request


# -- outcome and request ---------------------------------------------------------------------------------------------


def test_a_plain_pod_runs_with_a_valid_request() -> None:
    found = report(pod())
    assert (found.outcome, found.needs, found.price, found.warnings) == (PodOutcome.RUNS, (), None, ())
    assert violations_of(document().schema("ContainerGroupPrototype"), dict(request(found))) == []


def test_a_pod_that_loses_something_runs_degraded_or_not_at_all_if_strict() -> None:
    text = pod(spec=f"hostname: h\n  tolerations: [{TOLERATION}]")
    assert report(text).outcome is PodOutcome.RUNS_DEGRADED
    strict = Surroundings(catalogue=SURROUNDINGS.catalogue, policy=Policy(strict=True))
    refused = report(text, strict)
    assert (refused.outcome, refused.request) == (PodOutcome.REFUSED, None)


def test_a_refused_pod_has_no_request_and_no_price() -> None:
    found = report(pod(annotations='{salad.com/gpu-classes: "rtx 9999"}'))
    assert (found.outcome, found.request, found.price) == (PodOutcome.REFUSED, None, None)
    assert [finding.path for finding in found.findings] == ["metadata.annotations[salad.com/gpu-classes]"]


def test_a_daemonsets_pod_is_not_run_and_nothing_else_is_said_of_it() -> None:
    text = f"""
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {{name: d}}
        spec:
          selector: {{matchLabels: {{a: b}}}}
          template: {{spec: {{hostNetwork: true, containers: [{CONTAINER}]}}}}
    """
    found = report(text)
    assert (found.outcome, found.request, found.warnings) == (PodOutcome.NOT_RUN, None, ())
    assert [finding.outcome for finding in found.findings] == [Outcome.IGNORED]
    run = Surroundings(catalogue=SURROUNDINGS.catalogue, policy=Policy(run_daemonsets=True))
    assert report(text, run).outcome is PodOutcome.REFUSED


def test_annotations_of_the_namespace_in_the_manifests_are_defaults() -> None:
    text = (
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: default, annotations: {salad.com/country-codes: us}}\n---\n"
    )
    found = report(text + pod())
    assert found.outcome is PodOutcome.RUNS
    assert request(found).get("country_codes") in (None, ["us"])


# -- what is needed --------------------------------------------------------------------------------------------------

WITH_SECRET = "{name: c, image: i, command: [run], env: [{name: P, valueFrom: {secretKeyRef: {name: s, key: k}}}]}"


def test_what_is_missing_is_needed_and_the_rest_is_judged_all_the_same() -> None:
    found = report(pod(WITH_SECRET, "{salad.com/gpu-classes: rtx4090}"))
    assert found.outcome is PodOutcome.RUNS
    [need] = found.needs
    assert (need.kind, need.name) == ("Secret", "s")
    assert "spec.containers[0].env[0].valueFrom.secretKeyRef" in need.reason
    assert request(found)["container"]["environment_variables"]["P"] == "•••"
    assert found.price == Price(Decimal("0.15"), Decimal("0.30"))


def test_a_key_that_a_secret_lacks_is_needed_too() -> None:
    found = report(secret("s", "{other: x}") + pod(WITH_SECRET))
    assert [(need.kind, need.name) for need in found.needs] == [("Secret", "s")]


def test_what_is_optional_is_not_needed() -> None:
    optional = WITH_SECRET.replace("key: k", "key: k, optional: true")
    found = report(pod(optional))
    assert found.needs == ()
    assert "P" not in request(found)["container"]["environment_variables"]


def test_what_is_optional_and_not_there_is_told_with_its_path() -> None:
    container = (
        "{name: c, image: i, command: [run], volumeMounts: [{name: v, mountPath: /v}],"
        " envFrom: [{configMapRef: {name: settings, optional: true}}],"
        " env: [{name: P, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}]}"
    )
    volumes = f"volumes: [{{name: v, secret: {{secretName: files, optional: true}}}}]\n  tolerations: [{TOLERATION}]"
    found = report(secret("s", "{other: x}") + pod(container, spec=volumes))
    assert [each.path for each in found.findings if each.outcome is Outcome.IGNORED] == [
        "spec.volumes[0].secret",
        "spec.containers[0].envFrom[0].configMapRef",
        "spec.containers[0].env[0].valueFrom.secretKeyRef",
    ]
    assert found.outcome is PodOutcome.RUNS
    assert request(found)


def test_what_a_pod_that_is_not_run_lacks_is_not_told() -> None:
    container = "{name: c, image: i, envFrom: [{configMapRef: {name: settings, optional: true}}]}"
    daemon_set = (
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\n"
        f"spec: {{selector: {{}}, template: {{spec: {{containers: [{container}]}}}}}}\n"
    )
    assert [each.reason_code for each in report(daemon_set).findings] == ["DaemonSetPod"]


def test_a_label_that_a_controller_adds_needs_no_wrapper() -> None:
    source = "{fieldRef: {fieldPath: \"metadata.labels['pod-template-hash']\"}}"
    template = f"{{spec: {{containers: [{{name: c, image: i, env: [{{name: HASH, valueFrom: {source}}}]}}]}}}}"
    found = report(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
        f"spec: {{selector: {{}}, template: {template}}}\n"
    )
    assert (found.outcome, found.needs) == (PodOutcome.RUNS, ())
    assert request(found)["container"]["environment_variables"]["HASH"] == "0000000000"


def test_of_a_missing_secret_the_annotation_is_told_that_names_it() -> None:
    found = report(pod(annotations="{salad.com/registry-secret: login}"))
    assert ["metadata.annotations[salad.com/registry-secret]" in need.reason for need in found.needs] == [True]


def test_a_pull_secret_that_is_not_there_is_needed() -> None:
    found = report(pod(spec=f"imagePullSecrets: [{{name: login}}]\n  tolerations: [{TOLERATION}]"))
    assert Need("Secret", "login", found.needs[0].reason) in found.needs
    assert (found.outcome, found.findings) == (PodOutcome.RUNS, ())  # it may well have the login
    assert "registry_authentication" in request(found)["container"]


def test_logins_are_masked() -> None:
    config = json.dumps({"auths": {"ghcr.io": {"username": "me", "password": PASSWORD}}})
    login = secret("login", json.dumps({".dockerconfigjson": config}))
    login = login.replace("stringData", "type: kubernetes.io/dockerconfigjson\nstringData")
    spec = f"imagePullSecrets: [{{name: login}}]\n  tolerations: [{TOLERATION}]"
    found = report(login + pod("{name: c, image: ghcr.io/a/b, command: [run]}", spec=spec))
    assert request(found)["container"]["registry_authentication"] == {"basic": {"username": "•••", "password": "•••"}}


def test_secrets_that_annotations_name_are_needed_and_not_the_pods_fault() -> None:
    annotations = (
        "{salad.com/logging-secret: sink, salad.com/logging-splunk-host: h.example, salad.com/registry-secret: login}"
    )
    found = report(pod(annotations=annotations))
    assert found.outcome is PodOutcome.RUNS
    assert sorted((need.kind, need.name) for need in found.needs) == [("Secret", "login"), ("Secret", "sink")]
    assert request(found)["container"]["logging"] == {"splunk": {"host": "h.example", "token": "•••"}}


def test_the_pull_secrets_of_the_service_account_are_the_pods() -> None:
    account = (
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\nimagePullSecrets: [{name: login}]\n---\n"
    )
    assert [need.name for need in report(account + pod()).needs] == ["login"]


# -- secrets ---------------------------------------------------------------------------------------------------------

EXPANDED = (
    '{name: c, image: i, command: [run, "--password=$(P)"], args: [quiet], env: '
    '[{name: P, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: URL, value: "db://$(P)@h"}, {name: X, value: z}]}'
)


def test_nothing_of_a_secret_is_shown() -> None:
    found = report(secret("s", f"{{k: {PASSWORD}}}") + pod(EXPANDED))
    container = request(found)["container"]
    assert container["command"] == ["run", "•••", "quiet"]
    variables = container["environment_variables"]
    assert (variables["P"], variables["URL"], variables["X"]) == ("•••", "•••", "z")
    assert PASSWORD not in str(as_document([found]))
    assert PASSWORD not in repr(found)


def test_secrets_are_shown_on_demand() -> None:
    shown = Surroundings(catalogue=SURROUNDINGS.catalogue, show_secrets=True)
    found = report(secret("s", f"{{k: {PASSWORD}}}") + pod(EXPANDED), shown)
    assert request(found)["container"]["environment_variables"]["URL"] == f"db://{PASSWORD}@h"


# -- price -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotations", "price"),
    [
        pytest.param("{}", None, id="no GPU"),
        pytest.param("{salad.com/gpu-classes: rtx4090}", ("0.15", "0.30"), id="at any priority"),
        pytest.param(
            "{salad.com/gpu-classes: rtx4090, salad.com/container-group-priority: batch}", ("0.15", "0.15"), id="at one"
        ),
        pytest.param(
            '{salad.com/gpu-classes: "rtx4090, gtx1650", salad.com/container-group-priority: high}',
            ("0.02", "0.30"),
            id="over all classes",
        ),
        pytest.param(
            "{salad.com/gpu-classes: rtx4090, salad.com/container-group-priority: low}", None, id="none is listed"
        ),
    ],
)
def test_the_price_is_the_range_of_what_the_pod_may_run_on(annotations: str, price: tuple[str, str] | None) -> None:
    found = report(pod(annotations=annotations))
    assert found.price == (None if price is None else Price(Decimal(price[0]), Decimal(price[1])))


# -- warnings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "warnings"),
    [
        pytest.param(f"tolerations: [{TOLERATION}]", [], id="tolerates"),
        pytest.param("tolerations: [{operator: Exists}]", [], id="tolerates everything"),
        pytest.param("tolerations: [{key: virtual-kubelet.io/provider, operator: Exists}]", [], id="any value"),
        pytest.param("nodeName: one", [], id="names the node"),
        pytest.param("hostNetwork: false", ["nothing tolerates the node's taint"], id="tolerates nothing"),
        pytest.param(
            f"tolerations: [{TOLERATION.replace('saladcloud', 'saladCloud')}]",
            ["'saladCloud' does not match the node's taint"],
            id="capital letter",
        ),
        pytest.param(
            f"tolerations: [{TOLERATION.replace('NoSchedule', 'NoExecute')}]",
            ["nothing tolerates the node's taint"],
            id="another effect",
        ),
        pytest.param(
            f"tolerations: [{TOLERATION}]\n  nodeSelector: {{type: virtual-kubelet, kubernetes.io/hostname: one}}",
            [],
            id="selects the node",
        ),
        pytest.param(
            f"tolerations: [{TOLERATION}]\n  nodeSelector: {{type: physical, disk: ssd}}",
            ["label type is virtual-kubelet, not physical", "the node has no label disk"],
            id="selects another",
        ),
        pytest.param(
            f"tolerations: [{TOLERATION}]\n  {REQUIRED_AFFINITY}"
            "{nodeSelectorTerms: [{matchExpressions: [{key: type, operator: NotIn, values: [virtual-kubelet]}]}]}}}",
            ["none of its required terms can match"],
            id="keeps off",
        ),
        pytest.param(
            f"tolerations: [{TOLERATION}]\n  {REQUIRED_AFFINITY}"
            "{nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: Exists}]},"
            " {matchExpressions: [{key: type, operator: In, values: [virtual-kubelet]}]}]}}}",
            [],
            id="one term matches",
        ),
    ],
)
def test_what_keeps_the_scheduler_from_the_node_is_warned_of(spec: str, warnings: list[str]) -> None:
    found = report(pod(spec=spec))
    assert len(found.warnings) == len(warnings)
    for said, expected in zip(found.warnings, warnings, strict=True):
        assert expected in said
    assert found.findings == ()  # it is no business of the translation


def test_annotations_on_the_workload_are_warned_of_and_have_no_effect() -> None:
    text = f"""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {{name: d, annotations: {{salad.com/gpu-classes: rtx4090, other: x}}}}
        spec:
          selector: {{matchLabels: {{a: b}}}}
          template: {{spec: {{tolerations: [{TOLERATION}], containers: [{CONTAINER}]}}}}
    """
    found = report(text)
    assert found.outcome is PodOutcome.RUNS
    assert "gpu_classes" not in request(found)["container"]["resources"]
    [warning] = found.warnings
    assert "salad.com/gpu-classes stands on the Deployment" in warning
    assert [(each.outcome, each.path) for each in found.findings] == [
        (Outcome.IGNORED, "metadata.annotations[salad.com/gpu-classes]")
    ]


# -- the interface ---------------------------------------------------------------------------------------------------


def test_the_document_keeps_to_its_schema() -> None:
    text = (
        pod()
        + pod(WITH_SECRET, "{salad.com/gpu-classes: rtx4090}")
        + pod(annotations="{salad.com/gpu-classes: nothing}")
        + pod(spec="hostname: h")
    )
    written = as_document(reports(text))
    assert violations_of_schema(written) == []
    assert {each["outcome"] for each in written["pods"]} == {"runs", "refused", "runs-degraded"}


def violations_of_schema(written: dict[str, Any]) -> list[str]:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(written)]

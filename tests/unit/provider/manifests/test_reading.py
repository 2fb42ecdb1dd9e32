"""Manifests are read as `kubectl apply` reads them, and what it would refuse is told by file and line."""

from __future__ import annotations

import json
import textwrap
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.manifests import ManifestError, Manifests, Source, read_manifests

SECRET = "hunter2-in-no-message"


def read(text: str, *more: str, namespace: str = "default") -> Manifests:
    sources = [Source(f"f{number}.yaml", textwrap.dedent(each)) for number, each in enumerate((text, *more))]
    return read_manifests(sources, namespace=namespace)


def complaints(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read(text)
    assert SECRET not in str(caught.value)
    return [str(each) for each in caught.value.complaints]


def pod(container: str = "{name: c, image: i}", more: str = "") -> str:
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - {container}\n{more}"


# -- what is found ---------------------------------------------------------------------------------------------------


def test_every_document_and_every_item_of_a_list_counts() -> None:
    items = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "b"}})
    listed = f"---\napiVersion: v1\nkind: List\nitems:\n- {items}\n---\n# nothing\n---\n"
    found = read(pod() + listed + "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {x: z}\n", pod())
    assert [each.name for each in found.workloads] == ["p", "p"]
    assert [key.name for key in found.config_maps] == ["m"]
    assert [key.name for key in found.secrets] == ["s"]


def test_items_of_a_typed_list_need_no_kind() -> None:
    text = "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n  spec: {containers: [{name: c, image: i}]}\n"
    assert [(each.kind, each.name) for each in read(text).workloads] == [("Pod", "a")]


def test_objects_without_a_namespace_are_of_the_one_that_was_chosen() -> None:
    [workload] = read(pod(), namespace="shop").workloads
    assert workload.namespace == "shop"
    assert workload.pod.metadata is not None
    assert workload.pod.metadata.namespace == "shop"


def test_json_is_taken_with_tabs_and_escaped_pairs() -> None:
    text = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "annotations": {"note": "🦄 \\ud83e\\udd84"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        },
        indent="\t",
    )
    [workload] = read_manifests([Source("p.json", text)]).workloads
    assert workload.pod.metadata is not None
    assert workload.pod.metadata.annotations == {"note": "🦄 \\ud83e\\udd84"}


def test_anchors_and_merges_unfold_and_own_keys_win() -> None:
    text = """
        apiVersion: v1
        kind: Pod
        metadata: {name: p}
        spec:
          containers:
          - &one {name: a, image: i, env: &env [{name: X, value: "1"}]}
          - {<<: *one, name: b, env: *env}
    """
    [workload] = read(text).workloads
    assert workload.pod.spec is not None
    first, second = workload.pod.spec.containers
    assert (first.name, second.name, second.image) == ("a", "b", "i")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0644", 420),
        ("0o644", 420),
        ("0x1F", 31),
        ("1_000", 1000),
        ("420.0", 420),
        ("1e3", 1000),
    ],
)
def test_numbers_are_what_kubectl_takes_them_for(written: str, expected: int) -> None:
    text = pod(more=f"  volumes: [{{name: v, configMap: {{name: m, defaultMode: {written}}}}}]\n")
    [workload] = read(text).workloads
    assert workload.pod.spec is not None
    [volume] = workload.pod.spec.volumes or []
    assert volume.configMap is not None
    assert volume.configMap.defaultMode == expected


@pytest.mark.parametrize("written", ["12:30", "2026-01-31", "0o9", "1.2.3", "_1", "''", "1Gi"])
def test_what_only_looks_like_a_number_is_a_text(written: str) -> None:
    [workload] = read(pod(f"{{name: c, image: i, env: [{{name: X, value: {written}}}]}}")).workloads
    assert workload.pod.spec is not None
    [variable] = workload.pod.spec.containers[0].env or []
    assert variable.value == written.strip("'")


def test_quantities_may_be_numbers() -> None:
    text = pod("{name: c, image: i, resources: {limits: {cpu: 2, memory: 1e9}, requests: {cpu: 0.5}}}")
    [workload] = read(text).workloads
    assert workload.pod.spec is not None
    resources = workload.pod.spec.containers[0].resources
    assert resources is not None
    assert (resources.limits, resources.requests) == ({"cpu": "2", "memory": "1000000000.0"}, {"cpu": "0.5"})


def test_a_null_means_not_set() -> None:
    [workload] = read(pod("{name: c, image: i, env: null, resources: ~}")).workloads
    assert workload.pod.spec is not None
    assert workload.pod.spec.containers[0].env is None


def test_what_the_api_server_writes_is_no_mistake() -> None:
    text = """
        apiVersion: v1
        kind: Pod
        metadata: {name: p, uid: u, creationTimestamp: 2026-01-31T12:00:00Z, managedFields: [{fieldsV1: {"f:x": {}}}]}
        spec: {containers: [{name: c, image: i}]}
        status: {phase: Running, somethingNew: 1}
    """
    assert read(text).workloads[0].pod.status is None


@pytest.mark.parametrize(
    ("kind", "passed_over"),
    [
        ("v1/Service", []),
        ("networking.k8s.io/v1/Ingress", []),
        ("apps/v1/ControllerRevision", []),
        ("ray.io/v1/RayCluster", ["RayCluster (ray.io/v1)"]),
        ("serving.knative.dev/v1/Service", ["Service (serving.knative.dev/v1)"]),
    ],
)
def test_other_objects_are_passed_over_and_custom_ones_named(kind: str, passed_over: list[str]) -> None:
    version, _, name = kind.rpartition("/")
    found = read(f"apiVersion: {version}\nkind: {name}\nmetadata: {{name: x}}\nanything: [1, 2]\n")
    assert (found.workloads, found.passed_over) == ([], passed_over)


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            pod("{name: c, image: i, imge: x}"),
            ["f0.yaml:6: spec.containers[0].imge: unknown field; did you mean image?"],
            id="typo",
        ),
        pytest.param(
            pod().replace("spec:", "Spec:"),
            ["f0.yaml:4: Spec: unknown field; did you mean spec?"],
            id="case",
        ),
        pytest.param(
            pod("{name: c, image: i}", "  replicas: 2\n  container: []\n"),
            [
                "f0.yaml:7: spec.replicas: unknown field",
                "f0.yaml:8: spec.container: unknown field; did you mean containers?",
            ],
            id="all of them at once",
        ),
        pytest.param(
            pod("{name: c, image: i, env: [{name: X, value: 1}, {name: Z, value: yes}]}"),
            [
                "f0.yaml:6: spec.containers[0].env[0].value: must be a text; write it in quotes",
                "f0.yaml:6: spec.containers[0].env[1].value: must be a text; write it in quotes",
            ],
            id="no text",
        ),
        pytest.param(
            pod("{name: c, image: i, ports: [{containerPort: '80'}]}"),
            ["f0.yaml:6: spec.containers[0].ports[0].containerPort: must be a whole number, without quotes"],
            id="no number",
        ),
        pytest.param(
            pod("{name: c, image: i, tty: 'true'}"),
            ["f0.yaml:6: spec.containers[0].tty: must be true or false, without quotes"],
            id="no boolean",
        ),
        pytest.param(
            pod("{name: c, image: i, args: -v}"), ["f0.yaml:6: spec.containers[0].args: must be a list"], id="no list"
        ),
        pytest.param(
            pod("{image: i}"), ["f0.yaml:6: spec.containers[0].name: is missing, and required"], id="a field is missing"
        ),
        pytest.param(
            pod("{name: c, image: i, name: d}"),
            ["f0.yaml:6: the key spec.containers[0].name stands here twice, first in line 6"],
            id="a key twice",
        ),
        pytest.param(
            pod().replace("{name: p}", "{labels: {a: b}}"),
            ["f0.yaml:3: metadata.name: is missing, and required"],
            id="no name",
        ),
        pytest.param(
            pod().replace("{name: p}", "{name: Web_1}"),
            ["f0.yaml:3: metadata.name: must be of lower-case letters, digits, hyphens and dots, 253 at most"],
            id="no name that can be",
        ),
        pytest.param(
            pod().replace("{name: p}", "{name: p, namespace: a.b}"),
            ["f0.yaml:3: metadata.namespace: must be of lower-case letters, digits and hyphens, 63 at most"],
            id="no namespace that can be",
        ),
        pytest.param("kind: Pod\n", ["f0.yaml:1: apiVersion: is missing, and required"], id="no version"),
        pytest.param(
            "apiVersion: extensions/v1beta1\nkind: Deployment\n",
            ["f0.yaml:1: apiVersion: a Deployment is of apps/v1; Kubernetes serves no other"],
            id="a version of old",
        ),
        pytest.param("# nothing\n", ["f0.yaml: there is no object in it"], id="nothing"),
        pytest.param("- just\n- a list\n", ["f0.yaml:1: this is no Kubernetes object: it has no fields"], id="a list"),
        pytest.param("a: [1\nb: 2\n", ["f0.yaml:2: no YAML: did not find expected ',' or ']'"], id="broken"),
        pytest.param("a: *b\n", ["f0.yaml:1: no YAML: found undefined alias"], id="an alias of nothing"),
        pytest.param("a: &x [*x]\n", ["f0.yaml:1: nested deeper than 100 levels"], id="an alias of itself"),
    ],
)
def test_what_kubectl_would_refuse_is_told_with_its_line(text: str, expected: list[str]) -> None:
    assert complaints(text) == expected


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("apps/v1", "Deploymnt", "kind: apps/v1 has no kind Deploymnt; did you mean Deployment?"),
        ("batch/v1", "Cronjob", "kind: batch/v1 has no kind Cronjob; did you mean CronJob?"),
        ("v1", "pod", "kind: v1 has no kind pod; did you mean Pod?"),
        ("apps/v1", "Whatever", "kind: apps/v1 has no kind Whatever"),
    ],
)
def test_a_mistyped_kind_is_told_and_not_passed_over(api_version: str, kind: str, expected: str) -> None:
    assert complaints(f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n") == [f"f0.yaml:2: {expected}"]


@pytest.mark.parametrize(("api_version", "kind"), [("v1", "Service"), ("apps/v1", "ControllerRevision")])
def test_kinds_that_run_nothing_are_passed_over(api_version: str, kind: str) -> None:
    assert read(f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n").workloads == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("apiVersion: apps/v1\nspec:\n  replicas: {{ .Values.replicas }}\n", 3),
        ("{{- if .Values.enabled }}\nkind: Pod\n{{- end }}\n", 1),
        ('metadata:\n  name: {{ .Release.Name }}-web\n  labels:\n    {{- include "l" . | nindent 4 }}\n', 2),
        ('apiVersion: v1\nkind: Pod\nmetadata: {name: "{{ .Release.Name }}"}\nspec: {containers: []}\n', 3),
    ],
    ids=["a value", "a condition", "a part of a name", "in quotes"],
)
def test_a_template_is_told_from_a_mistake(text: str, line: int) -> None:
    (told,) = complaints(text)
    assert told.startswith(f"f0.yaml:{line}: ")
    assert "a template's {{ … }}, and no value yet: render it first, a chart with `helm template`" in told


def test_a_template_that_is_a_value_is_no_mistake_and_explains_none() -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  alert: '{{ $labels.pod }}'\n"
    assert read(config).config_maps
    assert complaints(config + "---\n" + pod("{name: c, image: i, x: 1}"))[0].endswith("unknown field")
    (told,) = complaints(config + "  more: [\n")
    assert "if that is because of the template's {{ … }} in line 5, render it first" in told


def test_an_object_that_stands_twice_is_told_and_the_later_config_map_counts() -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: %s}\n---\n"
    found = read(config % "x" + pod("{name: first, image: i}"), config % "z" + pod("{name: second, image: i}"))
    assert [each.pod.spec.containers[0].name for each in found.workloads if each.pod.spec] == ["first", "second"]
    assert [each.data for each in found.config_maps.values()] == [{"a": "z"}]
    assert found.repeated == [
        "ConfigMap default/m stands in f0.yaml:1 and again in f1.yaml:1",
        "Pod default/p stands in f0.yaml:6 and again in f1.yaml:6",
    ]


def test_only_another_word_on_the_same_object_is_told() -> None:
    drawn = pod().replace("{name: p}", "{generateName: p-}")
    elsewhere = pod().replace("{name: p}", "{name: p, namespace: other}")
    again = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    found = read(
        again, again, drawn, drawn, pod(), pod(), elsewhere, "apiVersion: v1\nkind: Secret\nmetadata: {name: p}\n"
    )
    assert len(found.workloads) == 5
    assert found.repeated == []


def test_all_sources_are_read_before_it_is_told_what_is_wrong() -> None:
    with pytest.raises(ManifestError) as caught:
        read(pod("{name: c, x: 1}"), pod("{name: c, y: 1}"))
    assert [each.source for each in caught.value.complaints] == ["f0.yaml", "f1.yaml"]


def test_no_complaint_shows_a_value() -> None:
    secret = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{a: [{SECRET}]}}\n"
    assert complaints(secret) == ["f0.yaml:4: data.a: must be a text; write it in quotes"]
    assert complaints(f"a: 'b\n c: {SECRET}\n")


@pytest.mark.parametrize(("tag", "what"), [("int", "whole number"), ("float", "number"), ("bool", "boolean")])
def test_a_text_that_is_tagged_as_something_else_is_not_quoted(tag: str, what: str) -> None:
    assert complaints(f"a: !!{tag} {SECRET}\n") == [f"f0.yaml:1: this is no {what}"]
    assert complaints(f"!!{tag} {SECRET}: 1\n") == [f"f0.yaml:1: this is no {what}"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 5000, id="deep brackets"),
        pytest.param("\n".join(" " * depth + "a:" for depth in range(300)), id="deep blocks"),
        pytest.param(
            "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
            id="a bomb of aliases",
        ),
        pytest.param(
            "m0: &m0 {x: 1}\n" + "".join(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}\n" for n in range(1, 40)),
            id="a bomb of merges",
        ),
        pytest.param("\x00", id="no text"),
    ],
)
def test_a_hostile_text_is_refused_in_short_time(text: str) -> None:
    assert complaints(text)


@given(st.text() | st.text(alphabet=":-[]{}&*!|>'\"# \n\tab1~<"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ManifestError):
        read_manifests([Source("any", text)])

"""Which objects a pod needs, and its inputs made of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.resources.core_v1 import ConfigMap, Pod, Secret

from scvk.kubelet.input_objects import (
    InputObjects,
    ObjectKey,
    UnreadableObjectError,
    config_map_contents,
    secret_contents,
)
from scvk.kubelet.inputs import InputNeeds, MissingInput, NamedSecret
from scvk.kubelet.resolution import needed_objects, resolve_inputs
from tests.unit.kubelet.given_objects import A_NODE, a_pod, objects, resolved

SPEC: dict[str, Any] = {
    "imagePullSecrets": [{"name": "registry"}, {"name": ""}, {"name": "gone"}],
    "initContainers": [
        {
            "name": "setup",
            "envFrom": [{"configMapRef": {"name": "setup-env"}}],
            "volumeMounts": [{"name": "conf", "mountPath": "/c"}],
        }
    ],
    "containers": [
        {
            "name": "main",
            "envFrom": [{"secretRef": {"name": "main-env"}}],
            "env": [
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "one", "key": "k"}}},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "main-env", "key": "k"}}},
                {"name": "C", "value": "x", "valueFrom": {"secretKeyRef": {"name": "not-read", "key": "k"}}},
            ],
            "volumeMounts": [{"name": "all", "mountPath": "/a"}],
        },
        {
            "name": "side",
            "envFrom": [{"secretRef": {"name": "side-env"}}],
            "volumeMounts": [{"name": "side", "mountPath": "/s"}],
        },
    ],
    "volumes": [
        {"name": "conf", "configMap": {"name": "conf"}},
        {"name": "all", "projected": {"sources": [{"secret": {"name": "p1"}}, {"configMap": {"name": "p2"}}]}},
        {"name": "side", "secret": {"secretName": "side"}},
        {"name": "nobody", "secret": {"secretName": "nobody"}},
    ],
}


@pytest.mark.parametrize(
    ("containers", "names"),
    [
        (("main",), ["p1", "p2", "main-env", "one", "registry", "gone"]),
        (("setup", "main"), ["conf", "p1", "p2", "setup-env", "main-env", "one", "registry", "gone"]),
        ((), ["registry", "gone"]),
    ],
)
def test_only_what_containers_that_run_refer_to_is_needed(containers: tuple[str, ...], names: list[str]) -> None:
    assert [key.name for key in needed_objects(a_pod(spec=SPEC), InputNeeds(containers))] == names


BY_ANNOTATION = "metadata.annotations[example.com/sink]"


def test_further_secrets_are_needed_too() -> None:
    needs = InputNeeds((), (NamedSecret("sink", BY_ANNOTATION), NamedSecret("sink", BY_ANNOTATION)))
    assert needed_objects(a_pod(), needs) == (ObjectKey("Secret", "sink"),)
    found = resolve_inputs(a_pod(), needs, objects(secrets={"sink": {"token": b"t"}}), A_NODE).complete()
    assert found.secrets["sink"].data == {"token": b"t"}
    (missing,) = resolve_inputs(a_pod(), needs, InputObjects(), A_NODE).missing
    assert (missing.kind, missing.name, missing.event_reason) == ("Secret", "sink", "MandatorySecretNotFound")
    assert missing.reason == "CreateContainerConfigError"
    assert (missing.path, BY_ANNOTATION in missing.message) == (BY_ANNOTATION, True)
    assert "change the annotation" in missing.message
    known = objects(refused={ObjectKey("Secret", "sink"): "secrets is forbidden"})
    (missing,) = resolve_inputs(a_pod(), needs, known, A_NODE).missing
    assert missing.event_reason == "FailedToReadMandatorySecret"


def test_each_container_has_its_own_environment() -> None:
    known = objects(
        config_maps={"setup-env": {"S": "1"}, "one": {"k": "v"}, "conf": {"f": ""}, "p2": {"g": ""}},
        secrets={"main-env": {"k": b"w"}, "p1": {}},
    )
    inputs = resolved(a_pod(spec=SPEC), known, "main", "setup").complete()
    assert {name: dict(each.environment) for name, each in inputs.containers.items()} == {
        "setup": {"S": "1"},
        "main": {"k": "w", "A": "v", "B": "w", "C": "x"},
    }
    assert {name: [file.path for file in files] for name, files in inputs.volumes.items()} == {
        "conf": ["f"],
        "all": ["g"],
    }


def test_volumes_are_looked_for_before_environments_as_a_kubelet_does() -> None:
    missing = resolved(a_pod(spec=SPEC), None, "main", "setup").missing
    assert [(each.kind, each.name) for each in missing] == [
        ("ConfigMap", "conf"),
        ("Secret", "p1"),
        ("ConfigMap", "p2"),
        ("ConfigMap", "setup-env"),
        ("Secret", "main-env"),
        ("ConfigMap", "one"),
        ("Secret", "main-env"),
    ]


def test_what_is_missing_is_raised_as_one_with_the_first_ones_reasons() -> None:
    with pytest.raises(MissingInput, match="main-env") as caught:
        resolved(a_pod(spec=SPEC)).complete()
    assert (caught.value.reason, caught.value.event_reason) == ("ContainerCreating", "FailedMount")
    assert caught.value.path == "spec.volumes[1].projected.sources[0].secret"
    assert len(caught.value.missing) == 5


def test_pull_secrets_come_in_order_and_those_that_are_not_there_keep_nothing_from_starting() -> None:
    inputs = resolved(a_pod(spec={"imagePullSecrets": SPEC["imagePullSecrets"]}), objects(secrets={"registry": {}}))
    assert [secret.name for secret in inputs.complete().pull_secrets] == ["registry"]
    (notice,) = inputs.inputs.notices
    assert (notice.reason, notice.path) == ("FailedToRetrieveImagePullSecret", "spec.imagePullSecrets[2]")


@pytest.mark.parametrize("optional", [False, True])
def test_an_object_that_may_not_be_read_is_not_taken_for_absent(optional: bool) -> None:
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k", "optional": optional}}}]
    known = objects(refused={ObjectKey("Secret", "keys"): "secrets is forbidden"})
    (missing,) = resolved(a_pod(env=env), known).missing
    assert missing.event_reason == ("FailedToReadOptionalSecret" if optional else "FailedToReadMandatorySecret")
    assert "secrets is forbidden" in missing.message


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "..%2fx", "A", "a_b", "a..b", "-a", "a" * 254, "a\n", "a?b"]
)
def test_names_that_no_object_can_have_are_known(name: str) -> None:
    assert not ObjectKey("Secret", name).can_exist


@pytest.mark.parametrize("name", ["a", "0", "a-b.c-d", "a" * 253])
def test_names_that_an_object_can_have_are_known(name: str) -> None:
    assert ObjectKey("Secret", name).can_exist


def test_a_pod_without_anything_needs_nothing() -> None:
    assert needed_objects(Pod(), InputNeeds(("main",))) == ()
    assert resolve_inputs(Pod(), InputNeeds(("main",)), InputObjects(), A_NODE).complete().containers == {}


# -- objects ---------------------------------------------------------------------------------------------------------


def test_a_secret_is_decoded_and_plain_text_wins() -> None:
    manifest = {
        "metadata": {"name": "keys"},
        "type": "kubernetes.io/tls",
        "data": {"a": "AP8=", "b": "YQ==\n", "empty": ""},
        "stringData": {"b": "é"},
    }
    contents = secret_contents(msgspec.convert(manifest, Secret))
    assert (contents.name, contents.type) == ("keys", "kubernetes.io/tls")
    assert contents.data == {"a": b"\x00\xff", "b": "é".encode(), "empty": b""}
    assert secret_contents(Secret()).type == "Opaque"


def test_a_config_map_has_texts_and_bytes() -> None:
    manifest = {"metadata": {"name": "c"}, "data": {"a": "x"}, "binaryData": {"b": "AP8="}}
    contents = config_map_contents(msgspec.convert(manifest, ConfigMap))
    assert (contents.data, contents.binary_data) == ({"a": "x"}, {"b": b"\x00\xff"})


@pytest.mark.parametrize("value", ["not base64 s3cret", "YQ", "YQ==s3cret", 17])
def test_an_object_that_is_none_is_told_by_its_key_and_without_its_value(value: Any) -> None:
    with pytest.raises(UnreadableObjectError, match="Secret keys: the value of token") as caught:
        secret_contents(msgspec.convert({"metadata": {"name": "keys"}, "data": {"token": value}}, Secret))
    assert "s3cret" not in str(caught.value)
    with pytest.raises(UnreadableObjectError, match="ConfigMap c: the value of port is no text"):
        config_map_contents(msgspec.convert({"metadata": {"name": "c"}, "data": {"port": 80}}, ConfigMap))


# -- any pod ---------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", ""])
OPTIONAL = st.sampled_from([None, False, True])
REFERENCES = st.fixed_dictionaries({"name": NAMES, "optional": OPTIONAL})
KEYS = st.fixed_dictionaries({"name": NAMES, "key": st.sampled_from(["k", "raw"]), "optional": OPTIONAL})
SOURCES = st.one_of(
    st.fixed_dictionaries({"secretKeyRef": KEYS}),
    st.fixed_dictionaries({"configMapKeyRef": KEYS}),
    st.fixed_dictionaries(
        {"fieldRef": st.fixed_dictionaries({"fieldPath": st.text(max_size=8) | st.just("metadata.name")})}
    ),
    st.fixed_dictionaries(
        {"resourceFieldRef": st.fixed_dictionaries({"resource": st.just("limits.cpu"), "divisor": st.text(max_size=3)})}
    ),
)
ENTRIES = st.one_of(
    st.fixed_dictionaries({"name": st.sampled_from("XYZ"), "value": st.text("$()XYZ", max_size=8)}),
    st.fixed_dictionaries({"name": st.sampled_from("XYZ"), "valueFrom": SOURCES}),
)
FROM = st.one_of(st.fixed_dictionaries({"secretRef": REFERENCES}), st.fixed_dictionaries({"configMapRef": REFERENCES}))
KNOWN = objects(config_maps={"a": {"k": "plain"}}, secrets={"a": {"k": b"S3CRET", "raw": b"S3CRET\xff"}})


@given(st.lists(ENTRIES, max_size=6), st.lists(FROM, max_size=3), st.lists(st.text("$()XYZk", max_size=8), max_size=3))
def test_any_environment_is_resolved_or_told_and_every_secret_in_it_is_named(
    env: list[Any], env_from: list[Any], args: list[str]
) -> None:
    pod = a_pod(env=env, envFrom=env_from, args=args)
    resolution = resolved(pod, KNOWN)
    main = resolution.inputs.containers["main"]
    assert {name for name, value in main.environment.items() if "S3CRET" in value} <= main.secret_variables
    assert {index for index, item in enumerate(main.args) if "S3CRET" in item} <= main.secret_args
    assert main.secret_variables <= set(main.environment)
    assert "S3CRET" not in repr(resolution)
    assert all(each.path.startswith("spec.containers[0].env") for each in resolution.missing)
    looked_for = set(needed_objects(pod, InputNeeds(("main",))))
    assert {ObjectKey(each.kind, each.name) for each in resolution.missing if each.kind != "Pod"} <= looked_for  # type: ignore[arg-type]

"""Whatever pod comes: a request that SaladCloud takes, or a refusal with a path and a reason."""

from __future__ import annotations

import re
import typing
from functools import cache
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lightkube.models.core_v1 import Container, PodSpec
from lightkube.resources.core_v1 import Pod

from scvk.provider.annotations import ANNOTATIONS
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import PodMark
from scvk.provider.translate import Outcome, translate
from scvk.registry import ImageConfig
from scvk.saladcloud.models import GpuClass, body_of, violations
from tests.unit.provider.pod_inputs import inputs_of

MARK = PodMark("c1", "shop", "web", "b2f1c9e0-6f0c-4b43-9a26-3a1f0f8e8d11", 1, "node-a")
CATALOGUE = GpuCatalogue.of([GpuClass(id="ed563892-aacd-40f5-80b7-90c9be6c759b", name="RTX 4090 (24 GB)")])
IMAGE = ImageConfig(entrypoint=("/serve",), command=("--all",), user="1000")
SECRET = "s3cret"

words = st.sampled_from(
    [
        "",
        "a",
        "web",
        "$(A)",
        "$$",
        "80",
        "true",
        "us",
        "rtx4090",
        "2Gi",
        "-1",
        "x" * 1001,
        "a\nb",
        "\u2028",
        "\U0001f600",
    ]
)
texts = words | st.text(max_size=5)
numbers = st.sampled_from([0, 1, 2, 30, 80, 90, 1000, 65536, 2**31, -1])
quantities = st.sampled_from(["1", "0", "1500m", "2G", "2Gi", "2100Mi", "1e3", "1e999999999", "9Ei", "", "x", 2, 0.5])
names = st.sampled_from(
    [
        "cpu",
        "memory",
        "ephemeral-storage",
        "nvidia.com/gpu",
        "salad.com/rtx4090",
        "example.com/dongle",
        "hugepages-2Mi",
        "kubernetes.io/os",
    ]
)
maps = st.dictionaries(names, quantities, max_size=3)


@cache
def any_value(kind: Any) -> st.SearchStrategy[Any]:
    """Any JSON value of a field's type, deep as Kubernetes' models are."""
    if kind is str:
        return texts
    if kind is bool:
        return st.booleans()
    if kind is int:
        return numbers
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.deferred(lambda: any_object(kind))
    arguments = [argument for argument in typing.get_args(kind) if argument is not type(None)]
    if typing.get_origin(kind) is list:
        return st.lists(any_value(arguments[0]), max_size=2)
    if len(arguments) == 1:
        return any_value(arguments[0])
    if arguments:
        return st.one_of([any_value(argument) for argument in arguments])
    return maps


@st.composite
def any_object(draw: st.DrawFn, model: type[msgspec.Struct]) -> dict[str, Any]:
    """An object with its required fields and at most three of the others."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    required = [name for name, field in fields.items() if field.required]
    optional = [name for name in fields if name not in required]
    chosen = required + (draw(st.lists(st.sampled_from(optional), max_size=3, unique=True)) if optional else [])
    return {name: draw(any_value(typing.get_type_hints(model)[fields[name].name])) for name in chosen}


any_annotations = st.dictionaries(st.sampled_from([each.key for each in ANNOTATIONS]) | texts, texts, max_size=4)


@st.composite
def any_pod(draw: st.DrawFn) -> Pod:
    """A pod of any fields whatever, mostly nonsense."""
    spec = draw(any_object(PodSpec))
    return msgspec.convert({"metadata": {"annotations": draw(any_annotations)}, "spec": spec}, Pod)


@st.composite
def carried_pod(draw: st.DrawFn) -> Pod:
    """A pod of the fields that are carried over, with any values that Kubernetes and SaladCloud both take."""
    line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\u2028\u2029$"), min_size=1)
    port = st.integers(1, 65535)
    count = st.integers(0, 2**31 - 1)
    handler = st.one_of(
        st.fixed_dictionaries({"tcpSocket": st.fixed_dictionaries({"port": port | st.just("web")})}),
        st.fixed_dictionaries({"grpc": st.fixed_dictionaries({"port": port}, optional={"service": line})}),
        st.fixed_dictionaries({"httpGet": st.fixed_dictionaries({"port": port}, optional={"path": line})}),
        st.fixed_dictionaries({"exec": st.fixed_dictionaries({"command": st.lists(line, min_size=1)})}),
    )
    timing = st.fixed_dictionaries(
        {},
        optional={
            "initialDelaySeconds": count,
            "periodSeconds": count,
            "timeoutSeconds": count,
            "successThreshold": count,
            "failureThreshold": count,
        },
    )
    probe = st.none() | st.builds(lambda asked, often: {**asked, **often}, handler, timing)
    amounts = st.fixed_dictionaries(
        {},
        optional={
            "cpu": st.sampled_from(["1m", "1", "1500m", "16"]),
            "memory": st.sampled_from(["1", "64Mi", "2G", "2Gi", "2100Mi", "1e10"]),
            "ephemeral-storage": st.sampled_from(["0", "1", "5G", "100Gi"]),
        },
    )
    wishes = st.fixed_dictionaries(
        {},
        optional={
            "salad.com/gpu-classes": st.sampled_from(["rtx4090", " RTX 4090 (24 GB) ,", ""]),
            "salad.com/country-codes": st.sampled_from(["us", "us, CA ,", ""]),
            "salad.com/container-group-priority": st.sampled_from(["high", "Low"]),
            "salad.com/image-caching": st.sampled_from(["true", "False"]),
            "salad.com/networking-port": port.map(str) | st.just("web"),
        },
    )
    # Whatever SaladCloud has no place for, the wrapper carries: empty and long texts, and line breaks.
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0$")) | st.just("x" * 1001)
    variables = st.lists(
        st.fixed_dictionaries({"name": st.sampled_from(["A", "b.c", "d-e"]), "value": text}), max_size=5
    )
    mounts = st.lists(
        st.fixed_dictionaries(
            {"name": st.sampled_from(["scratch", "about"])}, optional={"subPath": st.sampled_from(["name", "a/b"])}
        ),
        max_size=3,
    )

    def program() -> dict[str, Any]:
        mounted = draw(mounts)
        return {
            "image": "nginx",
            "command": draw(st.lists(text, max_size=5)),
            "args": draw(st.lists(text, max_size=5)),
            "env": draw(variables),
            "workingDir": draw(st.sampled_from(["", "/srv", "/a b\nc"])),
            # Each volume at places of its own: containers share one file system.
            "volumeMounts": [
                {**mount, "mountPath": f"/{mount['name']}/{mount.get('subPath', 'all')}/{index}"}
                for index, mount in enumerate(mounted)
            ],
            "resources": {"requests": draw(amounts), "limits": draw(amounts)},
        }

    container = {
        **program(),
        "name": "main",
        "ports": [{"name": "web", "containerPort": draw(port)}],
        "lifecycle": {"postStart": draw(st.none() | st.just({"exec": {"command": ["hook"]}}))},
        "terminationMessagePath": draw(st.sampled_from(["/dev/termination-log", "/tmp/end"])),
        "startupProbe": draw(probe),
        "livenessProbe": draw(probe),
        "readinessProbe": draw(probe),
    }
    spec = {
        "restartPolicy": draw(st.sampled_from(["Always", "OnFailure", "Never"])),
        "containers": [container],
        "initContainers": [{**program(), "name": f"init-{index}"} for index in range(draw(st.integers(0, 2)))],
        "volumes": [
            {"name": "scratch", "emptyDir": {}},
            {
                "name": "about",
                "downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]},
            },
        ],
    }
    return msgspec.convert({"metadata": {"name": "web", "annotations": draw(wishes)}, "spec": spec}, Pod)


def holds(pod: Pod) -> None:
    inputs = inputs_of(pod)
    first = translate(pod, inputs, MARK, CATALOGUE)
    assert translate(pod, inputs, MARK, CATALOGUE) == first
    translation = translate(pod, inputs, MARK, CATALOGUE, image=IMAGE) if first.needs_image else first
    assert not translation.needs_image
    refused = [finding for finding in translation.findings if finding.outcome is Outcome.REFUSED]
    assert (translation.request is None) is bool(refused)
    for finding in (*first.findings, *translation.findings):
        # "request." would mean that only the document's check found it: a person could not act on such a path.
        assert re.match(r"(spec|metadata)\.", finding.path), finding
        assert finding.reason
        assert re.fullmatch("[A-Z][A-Za-z]+", finding.reason_code)
        assert SECRET not in finding.reason + finding.path
    if translation.request is not None:
        assert violations("ContainerGroupPrototype", body_of(translation.request)) == []
        assert SECRET not in repr(translation)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(any_pod())
def test_any_pod_runs_or_is_refused(pod: Pod) -> None:
    holds(pod)


@given(any_object(Container))
def test_any_container_runs_or_is_refused(container: dict[str, Any]) -> None:
    holds(msgspec.convert({"spec": {"containers": [container]}}, Pod))


@given(carried_pod())
def test_a_pod_of_what_is_carried_over_runs(pod: Pod) -> None:
    holds(pod)
    translation = translate(pod, inputs_of(pod), MARK, CATALOGUE, image=IMAGE)
    assert translation.request is not None
    assert Outcome.REFUSED not in {finding.outcome for finding in translation.findings}


@given(st.text(min_size=1, max_size=20).map(lambda text: SECRET + text + "\n"))
def test_no_secret_is_ever_shown(value: str) -> None:
    container = {
        "name": "main",
        "image": "nginx",
        "command": ["sh", "-c", value],
        "args": [value],
        "env": [{"name": "TOKEN", "value": value}, {"name": "SCVK_NODE", "value": value}],
        "livenessProbe": {"httpGet": {"port": 80, "httpHeaders": [{"name": "Authorization", "value": value}]}},
        "startupProbe": {"exec": {"command": ["sh", "-c", value]}},
    }
    holds(msgspec.convert({"spec": {"containers": [container]}}, Pod))

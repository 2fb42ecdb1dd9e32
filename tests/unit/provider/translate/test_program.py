"""When the start-up wrapper is used, what it is told, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scvk.kubelet.input_objects import ConfigMapContents, InputObjects
from scvk.kubelet.inputs import SecretContents
from scvk.provider.ownership import environment
from scvk.provider.translate import Outcome, Translation
from scvk.provider.translate import program as program_module
from scvk.provider.translate.policy import Policy
from scvk.provider.translate.settings import with_defaults
from scvk.provider.translate.start_up import (
    DirectoryLink,
    InitStep,
    StartUp,
    StartUpFile,
    TerminationMessage,
    Wrapped,
    wrap,
)
from scvk.registry import ImageConfig
from tests.unit.provider.translate.conftest import MARK

Translate = Callable[..., Translation]

IMAGE = ImageConfig(entrypoint=("/serve",), command=("--all",))
OBJECTS = InputObjects(
    config_maps={"c": ConfigMapContents("c", {"app.yaml": "a: 1"}, {"logo": b"\x00\xff"})},
    secrets={"s": SecretContents("s", "Opaque", {"token": b"s3cret"})},
)
VOLUMES = [
    {"name": "config", "configMap": {"name": "c"}},
    {"name": "login", "secret": {"secretName": "s", "defaultMode": 0o400}},
    {"name": "scratch", "emptyDir": {}},
]


def said(found: Translation, *outcomes: Outcome) -> list[tuple[str, str]]:
    return [(each.path, each.reason_code) for each in found.findings if each.outcome in outcomes]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[StartUp]:
    """What the wrapper was asked to do."""
    seen: list[StartUp] = []

    def note(start_up: StartUp, *, limit_bytes: int) -> Any:
        seen.append(start_up)
        return wrap(start_up, limit_bytes=limit_bytes)

    monkeypatch.setattr(program_module, "wrap", note)
    return seen


def test_a_plain_program_needs_no_wrapper(translated: Translate, asked: list[StartUp]) -> None:
    found = translated(command=["run"], args=["x"], env=[{"name": "with.dots-and-dashes", "value": "1"}])
    assert found.findings == ()
    assert found.request is not None
    assert found.request.container.command == ("run", "x")
    assert asked == []


def test_the_wrapper_gets_the_whole_of_the_program(translated: Translate, asked: list[StartUp]) -> None:
    init = {
        "name": "prepare",
        "image": "nginx:latest",
        "command": ["prepare"],
        "env": [{"name": "STEP", "value": "1"}],
        "workingDir": "/prepare",
        "volumeMounts": [{"name": "scratch", "mountPath": "/work"}],
    }
    found = translated(
        objects=OBJECTS,
        image_config=IMAGE,
        spec={"volumes": VOLUMES, "initContainers": [init]},
        args=["--one"],
        env=[{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}}],
        workingDir="/srv",
        lifecycle={"postStart": {"exec": {"command": ["hook", "$(A)"]}}},
        terminationMessagePath="/var/run/end",
        volumeMounts=[
            {"name": "config", "mountPath": "/etc/app"},
            {"name": "login", "mountPath": "/etc/login"},
            {"name": "scratch", "mountPath": "/data"},
        ],
    )
    assert asked == [
        StartUp(
            argv=("/serve", "--one"),
            environment={"A": "1", "B": "s3cret"},
            files=(
                StartUpFile("/etc/app/app.yaml", b"a: 1", 0o644),
                StartUpFile("/etc/app/logo", b"\x00\xff", 0o644),
                StartUpFile("/etc/login/token", b"s3cret", 0o400, secret=True),
            ),
            directories=("/work",),
            working_dir="/srv",
            init_steps=(InitStep("prepare", ("prepare",), {"STEP": "1"}, "/prepare"),),
            post_start=("hook", "$(A)"),
            termination_message=TerminationMessage("/var/run/end"),
            secret_variables=frozenset({"B"}),
            links=(DirectoryLink("/data", "/work"),),
        )
    ]
    wrapped = wrap(asked[0], limit_bytes=64 * 1024)
    assert isinstance(wrapped, Wrapped)
    assert found.request is not None
    assert found.request.container.command == wrapped.command
    assert found.request.container.environment_variables == {**wrapped.environment, **environment(MARK)}
    assert found.secret_variables == wrapped.secret_variables
    assert said(found, *Outcome) == [
        ("spec.initContainers[0]", "InitContainerInStartUp"),
        ("spec.volumes[0]", "VolumeInStartUp"),
        ("spec.volumes[1]", "VolumeInStartUp"),
        ("spec.volumes[2]", "VolumeInStartUp"),
        ("spec.initContainers[0].workingDir", "WorkingDirInStartUp"),
        ("spec.containers[0].args", "EntrypointOfImage"),
        ("spec.containers[0].workingDir", "WorkingDirInStartUp"),
        ("spec.containers[0].lifecycle.postStart.exec", "PostStartInStartUp"),
        ("spec.containers[0].terminationMessagePath", "TerminationMessageInStartUp"),
        ("spec.containers[0]", "StartUpWrapper"),
    ]
    assert {each.outcome for each in found.findings} == {Outcome.EMULATED}
    assert "s3cret" not in repr(found)


def test_what_the_wrapper_needs_is_said(translated: Translate) -> None:
    image = ImageConfig(entrypoint=("/serve",), user="1000:1000")
    found = translated(image_config=image, workingDir="/srv", env=[{"name": "A", "value": ""}])
    reason = found.findings[-1].reason
    assert "/bin/sh" in reason
    assert "1000:1000" in reason
    assert "let its user write" in translated(image_config=IMAGE, workingDir="/srv").findings[-1].reason
    assert "write" not in translated(command=["run"], env=[{"name": "A", "value": ""}]).findings[-1].reason


def test_findings_of_variables_say_where_the_value_comes_from(translated: Translate) -> None:
    objects = InputObjects(config_maps={name: ConfigMapContents(name, {name: ""}) for name in ("A", "B")})
    sources = [{"configMapRef": {"name": name}} for name in ("A", "B")]
    found = translated(command=["run"], objects=objects, envFrom=sources, env=[{"name": "B", "value": "\n"}])
    assert [each.path for each in found.findings] == [
        "spec.containers[0].envFrom[0]",
        "spec.containers[0].env[0]",
        "spec.containers[0]",
    ]
    assert "for values that SaladCloud does not take:" in found.findings[-1].reason


def test_more_than_the_operator_allows_is_refused_in_words(translated: Translate) -> None:
    big = InputObjects(config_maps={"c": ConfigMapContents("c", {}, {"blob": bytes(range(256)) * 800})})
    fields: dict[str, Any] = {
        "objects": big,
        "command": ["run"],
        "spec": {"volumes": VOLUMES[:1]},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
    }
    refused = translated(**fields)
    assert said(refused, Outcome.REFUSED) == [("spec.containers[0].volumeMounts", "StartUpTooLarge")]
    assert "--wrapper-limit allows 65536" in refused.findings[-1].reason
    assert refused.findings[-1].reason.endswith("or have the limit raised")
    assert translated(policy=Policy(wrapper_limit_bytes=1024 * 1024), **fields).request is not None


def test_what_no_limit_allows_is_told_so(translated: Translate) -> None:
    huge = InputObjects(config_maps={"c": ConfigMapContents("c", {}, {"blob": bytes(1024 * 1024)})})
    refused = translated(
        objects=huge,
        command=["run"],
        spec={"volumes": VOLUMES[:1]},
        volumeMounts=[{"name": "config", "mountPath": "/etc/app"}],
    )
    assert refused.findings[-1].reason.endswith(
        "let the program fetch them (the limit can be raised to 1048576 at most)"
    )


@pytest.mark.parametrize(
    ("path", "annotation", "collected"),
    [
        (None, None, None),
        ("/dev/termination-log", None, None),
        ("/dev/termination-log", "true", "/dev/termination-log"),
        ("/tmp/end", None, "/tmp/end"),
        ("/tmp//end", "true", "/tmp/end"),
        ("/tmp/end", "false", None),
    ],
)
def test_a_termination_message_is_collected_where_it_is_wanted(
    translated: Translate, asked: list[StartUp], path: str | None, annotation: str | None, collected: str | None
) -> None:
    annotations = {} if annotation is None else {"salad.com/termination-message": annotation}
    found = translated(command=["run"], terminationMessagePath=path, annotations=annotations)
    assert found.request is not None
    assert [each.termination_message for each in asked] == ([TerminationMessage(collected)] if collected else [])
    assert bool(found.findings) is (collected is not None or annotation == "false")


def test_the_termination_message_of_an_init_container_is_not_collected(translated: Translate) -> None:
    init = {"name": "one", "image": "nginx", "command": ["x"], "terminationMessagePath": "/tmp/end"}
    found = translated(command=["run"], spec={"initContainers": [init]})
    assert said(found, Outcome.DEGRADED) == [
        ("spec.initContainers[0].terminationMessagePath", "UnsupportedTerminationMessage")
    ]


@pytest.mark.parametrize(
    ("hook", "outcome"),
    [
        ({"sleep": {"seconds": 1}}, Outcome.DEGRADED),
        ({"httpGet": {"port": 80}}, Outcome.REFUSED),
        ({"tcpSocket": {"port": 80}}, Outcome.REFUSED),
    ],
)
def test_other_hooks_cannot_be_run(translated: Translate, hook: dict[str, Any], outcome: Outcome) -> None:
    (finding,) = translated(command=["run"], lifecycle={"postStart": hook}).findings
    assert (finding.outcome, finding.path) == (outcome, f"spec.containers[0].lifecycle.postStart.{next(iter(hook))}")


def test_arguments_that_hold_something_of_a_secret_hide_what_carries_them(translated: Translate) -> None:
    found = translated(
        objects=OBJECTS,
        command=["run", "$(T)\nmore"],
        env=[{"name": "T", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}}, {"name": "A", "value": "1"}],
    )
    assert found.request is not None
    variables = found.request.container.environment_variables or {}
    assert variables.keys() - found.secret_variables == {"A", *environment(MARK)}


def test_the_pull_secret_goes_with_the_request(translated: Translate) -> None:
    content = b'{"auths": {"ghcr.io": {"username": "u", "password": "s3cret"}}}'
    secret = SecretContents("pull", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": content})
    found = translated(
        objects=InputObjects(secrets={"pull": secret}),
        image="ghcr.io/team/app",
        spec={"imagePullSecrets": [{"name": "pull"}]},
    )
    assert found.request is not None
    login = found.request.container.registry_authentication
    assert login is not None
    assert login.basic is not None
    assert (login.basic.username, login.basic.password) == ("u", "s3cret")
    assert "s3cret" not in repr(found)


def test_defaults_of_the_namespace_choose_the_container(translated: Translate) -> None:
    containers = [{"name": "log", "image": "fluent"}, {"name": "main", "image": "nginx"}]
    found = translated(spec={"containers": containers}, namespace={"salad.com/container": "main"})
    assert found.request is not None
    assert found.request.container.image == "nginx"
    assert found.not_run == ("log",)
    assert with_defaults({"a": "own"}, {"a": "b", "salad.com/container": "x", "salad.com/typo": "y"}) == {
        "a": "own",
        "salad.com/container": "x",
    }

"""Image, command and arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scvk.provider.translate import Outcome, Translation
from scvk.registry import ImageConfig

Translate = Callable[..., Translation]


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        (None, None, None),
        ([], [], None),
        (["serve"], None, ("serve",)),
        (["serve"], ["--port", "80"], ("serve", "--port", "80")),
        (["sh", "-c", "echo $(NAME) $$(NAME)"], None, ("sh", "-c", "echo web $(NAME)")),
    ],
)
def test_the_command_replaces_entrypoint_and_arguments(
    translated: Translate, command: list[str] | None, args: list[str] | None, expected: tuple[str, ...] | None
) -> None:
    request = translated(command=command, args=args, env=[{"name": "NAME", "value": "web"}]).request
    assert request is not None
    assert request.container.command == expected


IMAGE = ImageConfig(entrypoint=("/serve",), command=("--all",))


@pytest.mark.parametrize(
    ("command", "args", "image", "expected"),
    [
        (None, ["--one"], IMAGE, ("/serve", "--one")),
        (None, None, IMAGE, None),
        (["sh"], None, IMAGE, ("sh",)),
        (["sh"], ["-c", "x"], IMAGE, ("sh", "-c", "x")),
        (None, ["sh", "-c", "x"], ImageConfig(command=("--all",)), ("sh", "-c", "x")),
    ],
    ids=["args alone", "neither", "command", "both", "no entrypoint"],
)
def test_arguments_alone_follow_the_entrypoint_of_the_image(
    translated: Translate,
    command: list[str] | None,
    args: list[str] | None,
    image: ImageConfig,
    expected: tuple[str, ...] | None,
) -> None:
    request = translated(command=command, args=args, image_config=image).request
    assert request is not None
    assert request.container.command == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"args": ["--one"]},
        {"workingDir": "/srv"},
        {"env": [{"name": "A", "value": ""}]},
        {"lifecycle": {"postStart": {"exec": {"command": ["x"]}}}},
        {"terminationMessagePath": "/tmp/end"},
        {
            "command": ["run"],
            "spec": {"initContainers": [{"name": "init", "image": "nginx"}]},
        },
    ],
    ids=["args", "working directory", "empty value", "hook", "message", "init container without a command"],
)
def test_only_what_needs_the_image_asks_for_it(translated: Translate, fields: dict[str, Any]) -> None:
    without = translated(**fields)
    assert (without.request, without.needs_image) == (None, True)
    assert all(finding.outcome is Outcome.EMULATED for finding in without.findings)
    known = translated(image_config=IMAGE, **fields)
    assert known.request is not None
    assert not known.needs_image


@pytest.mark.parametrize(
    "fields", [{}, {"command": ["run"], "args": ["x"]}, {"command": ["run"], "workingDir": "/srv"}]
)
def test_with_a_command_no_registry_is_asked(translated: Translate, fields: dict[str, Any]) -> None:
    translation = translated(**fields)
    assert translation.request is not None
    assert not translation.needs_image


def test_a_pod_that_is_refused_needs_no_image(translated: Translate) -> None:
    translation = translated(args=["x"], spec={"hostNetwork": True})
    assert (translation.request, translation.needs_image) == (None, False)


def test_an_image_that_runs_nothing_is_refused(translated: Translate) -> None:
    translation = translated(workingDir="/srv", image_config=ImageConfig())
    assert [finding.reason_code for finding in translation.findings if finding.outcome is Outcome.REFUSED] == [
        "NoCommand"
    ]


@pytest.mark.parametrize(
    ("command", "args", "path"),
    [
        (["sh", ""], None, "spec.containers[0].command[1]"),
        (["sh"], ["-c", "a\nb"], "spec.containers[0].args[1]"),
        (["sh"], ["x" * 1001], "spec.containers[0].args[0]"),
        (["sh"] * 60, ["x"] * 41, "spec.containers[0].args"),
        (["sh"] * 101, None, "spec.containers[0].command"),
    ],
)
def test_what_saladcloud_does_not_take_travels_in_the_wrapper(
    translated: Translate, command: list[str] | None, args: list[str] | None, path: str
) -> None:
    translation = translated(command=command, args=args)
    assert translation.request is not None
    assert translation.request.container.command is not None
    assert translation.request.container.command[:2] == ("/bin/sh", "-c")
    assert [(finding.outcome, finding.path, finding.reason_code) for finding in translation.findings] == [
        (Outcome.EMULATED, path, "CommandInStartUp"),
        (Outcome.EMULATED, "spec.containers[0]", "StartUpWrapper"),
    ]


def test_an_item_with_a_null_character_is_refused(translated: Translate) -> None:
    (finding,) = translated(command=["sh", "a\0"]).findings
    assert (finding.outcome, finding.path) == (Outcome.REFUSED, "spec.containers[0].command[1]")


@pytest.mark.parametrize(
    "image", ["", None, "ngi nx", "nginx\n", "n" * 2049, "Nginx", "nginx:", "https://nginx", "nginx@sha256:0", "a//b"]
)
def test_an_image_that_cannot_be_one_is_refused(translated: Translate, image: str | None) -> None:
    translation = translated(image=image)
    assert [(finding.path, finding.reason_code) for finding in translation.findings] == [
        ("spec.containers[0].image", "InvalidImageName")
    ]


@pytest.mark.parametrize("image", ["nginx", "r.example:5000/a/b@sha256:" + "0" * 64, "nginx:1.27"])
def test_the_image_is_taken_as_it_is(translated: Translate, image: str) -> None:
    request = translated(image=image).request
    assert request is not None
    assert request.container.image == image

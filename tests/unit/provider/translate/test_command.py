"""Image, command and arguments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scvk.provider.translate import Translation

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


@pytest.mark.parametrize(
    ("command", "args", "path", "code"),
    [
        (None, ["--serve"], "spec.containers[0].args", "UnknownEntrypoint"),
        (["sh", ""], None, "spec.containers[0].command[1]", "UnsupportedCommand"),
        (["sh"], ["-c", "a\nb"], "spec.containers[0].args[1]", "UnsupportedCommand"),
        (["sh"], ["x" * 1001], "spec.containers[0].args[0]", "UnsupportedCommand"),
        (["sh"] * 60, ["x"] * 41, "spec.containers[0].command", "CommandTooLong"),
    ],
)
def test_what_saladcloud_cannot_run_is_refused(
    translated: Translate, command: list[str] | None, args: list[str] | None, path: str, code: str
) -> None:
    translation = translated(command=command, args=args)
    assert translation.request is None
    assert [(finding.path, finding.reason_code) for finding in translation.findings] == [(path, code)]


@pytest.mark.parametrize("image", ["", None, "ngi nx", "nginx\n", "n" * 2049])
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

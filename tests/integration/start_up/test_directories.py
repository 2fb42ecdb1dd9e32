"""Directories that the wrapper makes, and second paths of them, in whatever an image has there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from scvk.provider.translate.start_up import (
    START_UP_FAILED_EXIT_CODE,
    DirectoryLink,
    InitStep,
    StartUp,
    StartUpFile,
    failure_of,
)
from tests.integration.start_up.shells import Shell


def test_a_start_may_be_repeated_in_the_same_container(shell: Shell, root: Path) -> None:
    start_up = StartUp(
        ("true",),
        {},
        files=(StartUpFile(f"{root}/f", b"content", 0o400),),
        directories=(f"{root}/d",),
        links=(DirectoryLink(f"{root}/l", f"{root}/d"),),
    )
    assert [shell.run(start_up).returncode for _ in range(2)] == [0, 0]
    assert (root / "l").resolve() == root / "d"


def test_a_directory_is_made_and_everybody_may_write_in_it(shell: Shell, root: Path) -> None:
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1755)
    directories = (f"{root}/a/it's new", f"{root}/tmp")
    assert shell.run(StartUp(("true",), {}, directories=directories)).returncode == 0
    assert stat.S_IMODE((root / "a/it's new").stat().st_mode) == 0o777
    assert stat.S_IMODE((root / "tmp").stat().st_mode) == 0o1777


@pytest.mark.parametrize("in_the_image", ["nothing", "an empty folder", "files", "a link"])
def test_a_directory_may_have_a_second_path(shell: Shell, root: Path, in_the_image: str) -> None:
    second = root / "work/dir"
    match in_the_image:
        case "an empty folder" | "files":
            second.mkdir(parents=True)
        case "a link":
            second.parent.mkdir()
            second.symlink_to(root)
        case _:
            pass
    if in_the_image == "files":
        (second / "image").write_text("of the image")
    start_up = StartUp(
        ("cat", f"{root}/html/index"),
        {},
        directories=(f"{root}/html",),
        links=(DirectoryLink(str(second), f"{root}/html"),),
        init_steps=(InitStep("page", ("sh", "-c", f"echo hello >{second}/index"), {}),),
    )
    assert shell.run(start_up).stdout == b"hello\n"
    assert (root / "html/image").exists() == (in_the_image == "files")


def test_the_images_own_directory_may_become_a_second_path(shell: Shell, root: Path) -> None:
    (root / "app").mkdir()
    start_up = StartUp(
        ("cat", "made"),
        {},
        directories=(f"{root}/stage",),
        links=(DirectoryLink(f"{root}/app", f"{root}/stage"),),
        init_steps=(InitStep("make", ("sh", "-c", f"echo made>{root}/stage/made"), {}),),
    )
    started_there = Shell(shell.name, ("/bin/sh", "-c", f'cd {root}/app;exec "$@"', "sh", *shell.argv), shell.path)
    assert started_there.run(start_up).stdout == b"made\n"


@pytest.mark.parametrize(("path", "target"), [("a", "a/b"), ("a/b", "a")])
def test_a_directory_cannot_be_a_second_path_of_what_is_in_it(shell: Shell, root: Path, path: str, target: str) -> None:
    (root / "a/b").mkdir(parents=True)
    (root / "a/kept").touch()
    links = (DirectoryLink(f"{root}/{path}", f"{root}/{target}"),)
    ended = shell.run(StartUp(("true",), {}, directories=(f"{root}/{target}",), links=links))
    assert ended.returncode == START_UP_FAILED_EXIT_CODE
    assert failure_of(ended.stderr.decode()) == f"cannot make {root}/{path} the same directory as {root}/{target}"
    assert (root / "a/kept").exists()

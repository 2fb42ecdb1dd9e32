"""The container image: built by the Dockerfile's own commands, and started as its user on a read-only file system."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scvk import __version__
from tests.e2e.image.dockerfile import Instruction, Root, ignored, instructions, stages

REPOSITORY = Path(__file__).resolve().parents[3]
DOCKERFILE = instructions((REPOSITORY / "Dockerfile").read_text())
PATTERNS = [
    line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot and mounts need root")


def rest(name: str, stage: list[Instruction]) -> list[str]:
    return [each.rest for each in stage if each.name == name]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an engine would send to the builder: the files that git knows, less what .dockerignore keeps out."""
    folder = tmp_path_factory.mktemp("context")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if not ignored(name, PATTERNS):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def image(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    """The last stage, built."""
    first, last = stages(DOCKERFILE)
    with (
        Root(tmp_path_factory.mktemp("build"), context) as build,
        Root(tmp_path_factory.mktemp("final"), context) as final,
    ):
        build.build(first, {})
        final.build(last, {"build": build.path})
        yield final


def test_the_builder_gets_nothing_but_what_it_copies(context: Path) -> None:
    copied = {word for text in rest("COPY", stages(DOCKERFILE)[0]) for word in text.split()[:-1]}
    assert {path.name for path in context.iterdir()} == copied


@pytest.mark.parametrize(
    "path", [".git/config", ".venv/bin/python", "kubeconfig", ".env", "docs/x.md", "src/scvk/__pycache__/a.pyc"]
)
def test_what_is_not_the_programs_stays_out_of_the_builder(path: str) -> None:
    assert ignored(path, PATTERNS)


def test_every_base_and_tool_is_pinned() -> None:
    arguments = dict(text.split("=", 1) for text in rest("ARG", DOCKERFILE))
    for text in rest("FROM", DOCKERFILE):
        base = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], text.split()[0])
        assert re.search(r":\d+\.\d+\.\d+-", base), base
    lock = (REPOSITORY / "uv.lock").read_text()
    (pinned,) = re.findall(r"uv==(\S+)", " ".join(rest("RUN", DOCKERFILE)))
    assert f'name = "uv"\nversion = "{pinned}"' in lock


def test_the_last_stage_installs_nothing_and_is_not_root() -> None:
    last = stages(DOCKERFILE)[-1]
    assert rest("RUN", last) == []
    (user,) = rest("USER", last)
    assert int(user.split(":")[0]) > 0, "a number, so that runAsNonRoot can be checked"


@needs_root
def test_the_program_starts_as_its_user_on_a_read_only_file_system(image: Root) -> None:
    said = image.start("--version")
    assert (said.returncode, said.stdout.strip()) == (0, __version__), said.stderr


@needs_root
def test_without_settings_it_says_which_are_missing(image: Root) -> None:
    said = image.start()
    assert said.returncode == 2
    assert "SALAD_CLOUD_API_KEY" in said.stderr
    assert "Traceback" not in said.stderr


@needs_root
def test_only_the_locked_dependencies_are_in_it(image: Root) -> None:
    packages = {path.name for path in (image.path / "opt/scvk/lib").glob("python3*/site-packages/*")}
    assert "lightkube" in packages
    assert packages.isdisjoint({"pytest", "hypothesis", "mypy", "uv", "pip"})
    assert not list((image.path / "opt/scvk").rglob("*.c"))

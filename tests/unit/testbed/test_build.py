"""A build is whole or not there, is made once by however many ask, and its failures are clear errors."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from scvk.testbed.add_ons import helm
from scvk.testbed.build import build, build_program, find_build, find_program
from scvk.testbed.build_cache import cache_directory, locked, published
from scvk.testbed.errors import TestbedError
from scvk.testbed.progress import Phase, Progress, silent

FAKE_GO = """\
case $1 in
version) echo go version go1.99.0 linux/amd64;;
list) echo "go: downloading k8s.io/api v0.37.2" >&2
  printf 'fmt\\nk8s.io/api\\nscvk.testbed/control-plane\\n';;
build) echo run >> "$COUNT"; test -z "$FAIL" || { echo "$FAIL" >&2; exit 1; }
  printf 'fmt\\nk8s.io/api\\nscvk.testbed/control-plane\\n' >&2
  while [ "$1" != -o ]; do shift; done; echo '#!/bin/sh' > "$2"; chmod +x "$2";;
esac
"""


def lines_of(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a Go that writes an empty program, and counts how often it does."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "go").write_text(f"#!/bin/sh\n{FAKE_GO}")
    (folder / "go").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "COUNT": str(tmp_path / "count"), "FAIL": ""}


async def test_build_makes_a_program_of_each_name_and_tells_its_phases(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    heard: list[Progress] = []
    programs = await build("1.37.2", report=heard.append, cache=tmp_path / "cache", environment=environment)
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"):
        assert os.access(programs.path(name), os.X_OK)
    facts = json.loads((programs.directory / "build.json").read_text())
    assert (facts["program"], facts["go"]) == ("Kubernetes 1.37.2", "go1.99.0")
    phases = list(dict.fromkeys(progress.phase for progress in heard))
    assert phases == [Phase.FIND_GO, Phase.DOWNLOAD, Phase.COMPILE, Phase.LINK, Phase.BUILT]
    assert Progress(Phase.COMPILE, "k8s.io/api", 2, 3) in heard
    assert find_build("1.37.2", cache=tmp_path / "cache") == programs
    assert find_build("1.34.4", cache=tmp_path / "cache") is None


async def test_an_add_on_is_built_as_the_modules_own_program(tmp_path: Path, environment: dict[str, str]) -> None:
    built = await build_program(helm(), cache=tmp_path / "cache", environment=environment)
    assert os.access(built.path("helm"), os.X_OK)
    assert not (built.directory / "source" / "main.go").exists()
    assert find_program(helm(), cache=tmp_path / "cache") == built


async def test_finished_build_needs_no_go(tmp_path: Path, environment: dict[str, str]) -> None:
    first = await build(cache=tmp_path / "cache", environment=environment)
    assert await build(cache=tmp_path / "cache", environment={"PATH": ""}) == first


async def test_concurrent_builds_make_one(tmp_path: Path, environment: dict[str, str]) -> None:
    heard: list[Progress] = []
    builds = [build(report=heard.append, cache=tmp_path / "cache", environment=environment) for _ in range(3)]
    assert len(set(await asyncio.gather(*builds))) == 1
    assert lines_of(environment["COUNT"]) == ["run"]
    assert Phase.WAIT in [progress.phase for progress in heard]


async def test_failed_build_leaves_nothing_and_shows_what_go_said(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(TestbedError, match=r"could not compile Kubernetes 1\.37\.2") as caught:
        await build(cache=tmp_path / "cache", environment={**environment, "FAIL": "main.go:1:1: broken"})
    assert "main.go:1:1: broken" in str(caught.value)
    assert [path.suffix for path in (tmp_path / "cache" / "control-plane").iterdir()] == [".lock"]


async def test_what_a_killed_build_left_is_cleared_away(tmp_path: Path, environment: dict[str, str]) -> None:
    programs = await build(cache=tmp_path / "cache", environment=environment)
    abandoned = programs.directory.with_name(programs.directory.name + ".part-abc")
    abandoned.mkdir()
    (programs.directory / "kubectl").unlink()
    assert find_build(cache=tmp_path / "cache") is None
    assert await build(cache=tmp_path / "cache", environment=environment) == programs
    assert find_build(cache=tmp_path / "cache") == programs
    assert not abandoned.exists()


async def test_cache_that_cannot_be_made_says_so(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TestbedError, match="XDG_CACHE_HOME"):
        await build(cache=tmp_path / "file", environment=environment)


async def test_cancelled_build_leaves_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    started = asyncio.Event()

    def heard(progress: Progress) -> None:
        if progress.phase is Phase.COMPILE:
            started.set()

    task = asyncio.create_task(build(report=heard, cache=tmp_path / "cache", environment=environment))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list((tmp_path / "cache" / "control-plane").glob("*.part-*"))


async def test_lock_is_waited_for_with_the_given_sleep(tmp_path: Path) -> None:
    """The first holder lets go while the second sleeps."""
    slept: list[float] = []
    async with locked(tmp_path / "x", silent):
        release = asyncio.Event()

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            release.set()
            await asyncio.sleep(0)

        async def second() -> None:
            async with locked(tmp_path / "x", silent, sleep):
                pass

        task = asyncio.create_task(second())
        await release.wait()
    await task
    assert slept


def test_published_folder_appears_whole(tmp_path: Path) -> None:
    with published(tmp_path / "x") as folder:
        (folder / "file").write_text("content")
        assert not (tmp_path / "x").exists()
    assert (tmp_path / "x" / "file").read_text() == "content"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, "/home/me/.cache/scvk", id="unset"),
        pytest.param({"XDG_CACHE_HOME": "/var/cache/me"}, "/var/cache/me/scvk", id="set"),
        pytest.param({"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/scvk", id="relative"),
    ],
)
def test_cache_directory(environment: dict[str, str], expected: str) -> None:
    assert cache_directory(environment, Path("/home/me")) == Path(expected)

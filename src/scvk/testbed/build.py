"""Builds the control plane from its sources, once: etcd, the Kubernetes programs and kubectl in one.

The first build downloads some 900 MB of Go modules' sources and compiles 2500 packages: about five minutes on
two cores. Go keeps what it compiled, so a build that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scvk.testbed.build_cache import build_key, cache_directory, explained, locked, published
from scvk.testbed.derivation import MODULE
from scvk.testbed.go_command import explain, run_streaming
from scvk.testbed.go_environment import go_environment
from scvk.testbed.go_toolchain import Go, find_go
from scvk.testbed.progress import Phase, Progress, Report, silent
from scvk.testbed.releases import DEFAULT_VERSION, PROGRAMS, Release, release

BINARY = "control-plane"


@dataclass(frozen=True, slots=True)
class Programs:
    """A finished build: the Kubernetes version (`1.37.2`) and the directory with a name for each program."""

    version: str
    directory: Path

    def path(self, program: str) -> Path:
        """The path of `etcd`, `kube-apiserver`, `kube-controller-manager`, `kube-scheduler` or `kubectl`."""
        return self.directory / program


def find_build(version: str = DEFAULT_VERSION, *, cache: Path | None = None) -> Programs | None:
    """The finished build of that version, or None: a few file lookups.

    Raises TestbedError for an unknown version.
    """
    sources = release(version)
    programs = Programs(sources.version, _target(sources, _cache(cache, os.environ)))
    whole = all(os.access(programs.path(name), os.X_OK) for name in PROGRAMS)
    return programs if whole else None


async def build(
    version: str = DEFAULT_VERSION,
    *,
    report: Report = silent,
    cache: Path | None = None,
    environment: Mapping[str, str] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Programs:
    """The programs of that version, built at need; may be called any number of times, also from several
    processes at once.

    `cache` defaults to `$XDG_CACHE_HOME/scvk` or `~/.cache/scvk`, `environment` to this process' own. Raises
    TestbedError: unknown version, no Go to be had, no network, disk full, cache not writable, compile error.
    """
    environment = os.environ if environment is None else environment
    sources = release(version)
    cache = _cache(cache, environment)
    found = find_build(version, cache=cache)
    if found is None:
        target = _target(sources, cache)
        async with locked(target, report, sleep):
            found = find_build(version, cache=cache)  # whoever held the lock may have built it
            if found is None:
                await _build(sources, target, cache, environment, report)
                found = Programs(sources.version, target)
    report(Progress(Phase.BUILT, str(found.directory)))
    return found


async def _build(sources: Release, target: Path, cache: Path, environment: Mapping[str, str], report: Report) -> None:
    first = f"Kubernetes {sources.version} is built here the first time: that takes some minutes"
    report(Progress(Phase.FIND_GO, first))
    environment = go_environment(environment, str(Path.home()))
    go = await find_go(sources.go_required, environment=environment, cache=cache, report=report)
    with published(target) as folder:
        with explained(folder):
            work = folder / "source"
            work.mkdir()
            (work / "main.go").write_bytes(sources.main_go)
            (work / "go.mod").write_bytes(sources.go_mod)
            (work / "go.sum").write_bytes(sources.go_sum)
        packages = await _download(go, sources, work, environment, report)
        await _compile(go, sources, work, folder / BINARY, packages, environment, report)
        facts = {"kubernetes": sources.version, "go": go.version, "programs": PROGRAMS}
        with explained(folder):
            for name in PROGRAMS:
                (folder / name).symlink_to(BINARY)
            (folder / "build.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


async def _download(go: Go, sources: Release, work: Path, environment: Mapping[str, str], report: Report) -> int:
    """Downloads the modules that the program needs; returns how many packages it is made of.

    Not `go mod download`, which also takes the modules that only other platforms and tests need.
    """
    downloaded = 0

    def count(line: str) -> None:
        nonlocal downloaded
        if line.startswith("go: downloading "):
            downloaded += 1
            report(Progress(Phase.DOWNLOAD, line.split()[2], downloaded, max(downloaded, sources.modules)))

    report(Progress(Phase.DOWNLOAD, "asking which are needed"))
    listed = await run_streaming([go.path, "list", "-deps", "."], environment=environment, folder=work, on_line=count)
    if listed.code != 0:
        raise explain(f"download the Go modules of Kubernetes {sources.version}", listed)
    return len(listed.output.split())


async def _compile(
    go: Go,
    sources: Release,
    work: Path,
    binary: Path,
    packages: int,
    environment: Mapping[str, str],
    report: Report,
) -> None:
    compiled = 0

    def count(line: str) -> None:
        # `go build -v` names each package when it is about to be compiled, the program itself last.
        nonlocal compiled
        if line == MODULE:
            report(Progress(Phase.LINK))
        elif line and " " not in line:
            compiled += 1
            report(Progress(Phase.COMPILE, line, compiled, max(compiled, packages)))

    report(Progress(Phase.COMPILE, f"{packages} packages with {go.version}"))
    command = [
        str(go.path), "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false",
        f"-ldflags={' '.join(sources.linker_flags)}", "-o", str(binary), ".",
    ]  # fmt: skip
    built = await run_streaming(command, environment=environment, folder=work, on_line=count)
    if built.code != 0:
        raise explain(f"compile Kubernetes {sources.version}", built)


def _cache(cache: Path | None, environment: Mapping[str, str]) -> Path:
    return cache_directory(environment, Path.home()) if cache is None else cache


def _target(sources: Release, cache: Path) -> Path:
    return cache / "control-plane" / build_key(sources)

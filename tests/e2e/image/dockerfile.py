"""A Dockerfile, read and carried out without a container engine, as far as ours needs it.

Its steps run in a root of their own: an overlay over this machine's files, with the machine's Python where the base
image has its own, below /usr/local. So the commands are the Dockerfile's own, and nothing of what they write stays.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, and the rest of the logical line."""

    name: str
    rest: str


def instructions(text: str) -> list[Instruction]:
    """Return the instructions, continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    split = [line.strip().split(None, 1) for line in joined.splitlines() if line.strip()]
    return [Instruction(name.upper(), rest[0] if rest else "") for name, *rest in split]


def stages(found: list[Instruction]) -> list[list[Instruction]]:
    """Return the instructions of each stage, its FROM first."""
    result: list[list[Instruction]] = []
    for each in found:
        if each.name == "FROM":
            result.append([])
        if result:
            result[-1].append(each)
    return result


def ignored(path: str, patterns: list[str]) -> bool:
    """Say whether .dockerignore keeps a path out: the last pattern that matches it, or a folder of it, decides."""
    parts = path.split("/")
    prefixes = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    result = False
    for pattern in patterns:
        wanted, out = (pattern[1:], False) if pattern.startswith("!") else (pattern, True)
        short = wanted.removeprefix("**/")
        if any(fnmatch.fnmatchcase(p, wanted) or (short != wanted and p.rsplit("/")[-1] == short) for p in prefixes):
            result = out
    return result


class Root:
    """A root file system that goes when the block ends. Needs root."""

    def __init__(self, folder: Path, context: Path) -> None:
        self._folder = folder
        self._context = context
        self.environment: dict[str, str] = {}
        self.user = ""
        self.entrypoint: list[str] = []
        self.command: list[str] = []
        self._place = "/"

    @property
    def path(self) -> Path:
        """Where it is, seen from outside."""
        return self._folder / "root"

    @property
    def _mounts(self) -> tuple[Path, ...]:
        return (self.path / "usr/local", self.path)

    def __enter__(self) -> Self:
        """Lays the overlay."""
        self.path.mkdir()
        self._overlay("/", self.path)
        self._overlay(sys.base_prefix, self.path / "usr/local")
        for name in ("proc", "dev"):
            _run("mount", "--rbind", f"/{name}", str(self.path / name))
            _run("mount", "--make-rslave", str(self.path / name))
        (self.path / "root").chmod(0o755)  # the machine's Python may lie there, and is everybody's in an image
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes it away."""
        for name in ("proc", "dev"):
            _run("umount", "--recursive", "--lazy", str(self.path / name))
        for place in self._mounts:
            _run("umount", "--lazy", str(place))

    def build(self, stage: list[Instruction], others: dict[str, Path]) -> None:
        """Carry out a stage; `others` are the roots of stages that it copies from."""
        for step in stage[1:]:
            match step.name:
                case "WORKDIR":
                    self._place = step.rest
                    (self.path / step.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
                case "ENV":
                    name, value = step.rest.split("=", 1)
                    self.environment[name] = value
                case "RUN":
                    self._in_it(["/bin/sh", "-ec", step.rest], check=True)
                case "COPY":
                    self._copy(shlex.split(step.rest), others)
                case "USER":
                    self.user = step.rest
                case "ENTRYPOINT":
                    self.entrypoint = json.loads(step.rest)
                case "CMD":
                    self.command = json.loads(step.rest)
                case "LABEL":
                    pass
                case _:
                    raise AssertionError(f"this test cannot carry out {step.name}")

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the image as an engine would: its entry point as its user, with a file system that is read-only."""
        for place in self._mounts:
            _run("mount", "-o", "remount,ro", str(place))
        try:
            return self._in_it([*self.entrypoint, *(arguments or self.command)], user=self.user)
        finally:
            for place in self._mounts:
                _run("mount", "-o", "remount,rw", str(place))

    def _overlay(self, lower: str, place: Path) -> None:
        upper, work = (self._folder / f"{place.name}-{kind}" for kind in ("upper", "work"))
        upper.mkdir()
        work.mkdir()
        layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
        _run("mount", "-t", "overlay", "overlay", "-o", layers, str(place))

    def _in_it(self, argv: list[str], *, user: str = "", check: bool = False) -> subprocess.CompletedProcess[str]:
        given = {
            name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_", "REQUESTS_"))
        }
        given.pop("UV_PROJECT_ENVIRONMENT", None)
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/root" if not user else "/",
            **given,
            **self.environment,
        }
        chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin") or "chroot"
        words = [chroot, *([f"--userspec={user}"] if user else []), str(self.path)]
        words += ["/usr/bin/env", f"--chdir={self._place}", *argv]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{shlex.join(argv)}\n{done.stdout}{done.stderr}")
        return done

    def _copy(self, words: list[str], others: dict[str, Path]) -> None:
        stage = next((word.partition("=")[2] for word in words if word.startswith("--from=")), None)
        *sources, target = [word for word in words if not word.startswith("--")]
        place = self.path / os.path.normpath(Path(self._place) / target).lstrip("/")
        for source in sources:
            base = others[stage] if stage is not None else self._context
            found = base / source.lstrip("/")
            if stage is None:
                assert found.exists(), f"COPY {source}: the context has no such file, or .dockerignore keeps it out"
            if found.is_dir():
                shutil.copytree(found, place, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(found, place / found.name if target.endswith("/") else place)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)

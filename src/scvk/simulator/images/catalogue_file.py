"""Reads entries of an image catalogue: YAML with a list `images`, the first entry with a matching pattern counts.

images:
  - match: [registry.example.com/team/app, "team/*"]   # shell patterns on the name, without tag and digest;
                                                       # docker.io/ and library/ are left out
    root: ./rootfs           # host (the default), busybox, or a directory or tar file beside this file
    entrypoint: [/app/serve]
    command: ["--port", "80"]
    env: {MODE: test}
    working_dir: /app
    user: "1000:1000"        # name or number, with an optional group
    files:                   # laid over the root; executable when they begin with #!
      /etc/motd: {text: "hello"}
      /app/serve: {file: ./serve.sh}
      /usr/sbin/nginx: {program: web_server.py}        # one of ours; on the host's root only
    description: what it is
  - match: ["localhost:5000/*"]
    pull: true               # from its registry
  - match: [team/broken]
    pull_error: "Failed to pull image: no such tag"
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from scvk.simulator.images.image import Image

_MEMBERS = frozenset(
    "match root entrypoint command env working_dir user files description pull pull_error".split()  # noqa: SIM905
)
_LARGEST_FILE = 16 * 1024 * 1024


class CatalogueUnreadable(Exception):
    """The message is one line that names the file, the entry and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Names that match one of `patterns` are this image. `root` is `host`, `busybox` or a path; `pull` means that
    the name's registry is asked."""

    patterns: tuple[str, ...]
    image: Image
    root: str | Path = "host"
    pull: bool = field(default=False)


def builtin_entries() -> tuple[Entry, ...]:
    """Those of the package."""
    text = files("scvk.simulator").joinpath("images.yaml").read_text()
    return read_entries(text, "images.yaml", Path())


def entries_of_file(path: Path) -> tuple[Entry, ...]:
    """A user's. Raises CatalogueUnreadable."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CatalogueUnreadable(f"the image catalogue {path} cannot be read: {why}") from error
    return read_entries(text, str(path), path.parent)


def read_entries(text: str, name: str, base: Path) -> tuple[Entry, ...]:
    """Entries of YAML text; relative paths begin at `base`. Raises CatalogueUnreadable."""
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise CatalogueUnreadable(f"the image catalogue {name} is no YAML: {why}") from error
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise CatalogueUnreadable(f"the image catalogue {name} has no list `images`")
    entries = []
    for number, given in enumerate(data["images"], 1):
        try:
            entries.append(_entry(given, base))
        except _Wrong as error:
            raise CatalogueUnreadable(f"the image catalogue {name}: entry {number}: {error}") from error
    return tuple(entries)


class _Wrong(Exception):
    """What is wrong with one entry."""


def _entry(given: Any, base: Path) -> Entry:
    if not isinstance(given, dict):
        raise _Wrong("it is no mapping")
    unknown = sorted(str(name) for name in given.keys() - _MEMBERS)
    if unknown:
        raise _Wrong(f"{unknown[0]} is no member; there are {', '.join(sorted(_MEMBERS))}")
    patterns = _texts(given, "match")
    if not patterns:
        raise _Wrong("match has no pattern")
    root: str | Path = _text(given, "root", "host")
    if root not in {"host", "busybox"}:
        root = base / root
        if not root.exists():
            raise _Wrong(f"root: there is no {root}")
    working_dir = _text(given, "working_dir", "/")
    if not working_dir.startswith("/"):
        raise _Wrong("working_dir must be an absolute path")
    image = Image(
        entrypoint=_texts(given, "entrypoint"),
        command=_texts(given, "command"),
        env={name: _scalar(value, f"env.{name}") for name, value in _mapping(given, "env").items()},
        working_dir=working_dir,
        user=_scalar(given.get("user", ""), "user"),
        files={path: _file(path, source, base, root) for path, source in _mapping(given, "files").items()},
        needs_root=isinstance(root, Path),
        pull_error=_text(given, "pull_error", "") or None,
        description=_text(given, "description", "of the user's catalogue"),
    )
    pull = given.get("pull", False)
    if not isinstance(pull, bool):
        raise _Wrong("pull must be true or false")
    return Entry(patterns, image, root, pull)


def _text(given: Mapping[str, Any], member: str, default: str) -> str:
    value = given.get(member, default)
    if not isinstance(value, str):
        raise _Wrong(f"{member} must be a text")
    return value


def _texts(given: Mapping[str, Any], member: str) -> tuple[str, ...]:
    value = given.get(member, [])
    if not isinstance(value, list):
        raise _Wrong(f"{member} must be a list of texts")
    return tuple(_scalar(item, f"{member}[{index}]") for index, item in enumerate(value))


def _mapping(given: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = given.get(member, {})
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _Wrong(f"{member} must be a mapping with texts for names")
    return value


def _scalar(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _Wrong(f"{where} must be a text")
    text = str(value)
    if "\0" in text:
        raise _Wrong(f"{where} has a null character in it")
    return text


def _file(path: str, source: Any, base: Path, root: str | Path) -> str:
    if not path.startswith("/") or ".." in path.split("/") or path.endswith("/"):
        raise _Wrong(f"files: {path!r} is no absolute path of a file")
    readers: Mapping[str, Callable[[str], str]] = {
        "text": lambda text: text,
        "file": lambda name: _content(base / name),
        "program": lambda name: _program(name, root),
    }
    if isinstance(source, dict) and len(source) == 1:
        kind, value = next(iter(source.items()))
        if kind in readers and isinstance(value, str):
            return readers[kind](value)
    raise _Wrong(f"files: {path} must be one of text, file and program with a text")


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise _Wrong(f"files: {path} is larger than {_LARGEST_FILE} bytes; use a root")
        return path.read_text()
    except OSError as error:
        raise _Wrong(f"files: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _Wrong(f"files: {path} is no text in UTF-8; use a root") from error


def _program(name: str, root: str | Path) -> str:
    """The text of an executable: our own program under our own interpreter, or that interpreter itself."""
    if root != "host":
        raise _Wrong(f"files: the program {name} needs the host's root")
    interpreter = Path(sys.executable).resolve()
    if name == "python":
        return f'#!/bin/sh\nexec {interpreter} "$@"\n'
    source = files("scvk.simulator.programs").joinpath(name)
    if "/" in name or not source.is_file():
        raise _Wrong(f"files: there is no program {name}")
    return f"#!{interpreter} -IS\n{source.read_text()}"

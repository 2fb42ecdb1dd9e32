"""From YAML or JSON to plain values, each with the line where it stands.

A text is somebody else's: nesting and the size to which aliases unfold are bounded, so that a small file cannot keep
a machine busy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from scvk.provider.manifests.complaint import Complaint, ManifestError, Source
from scvk.provider.manifests.scalars import Loader, is_merge, key_of, value_of

Path = tuple[str | int, ...]

DEEPEST = 100
"""No Kubernetes object is nested as deep; a level costs two frames of Python's stack."""
LARGEST = 500_000
"""Values in one document, aliases unfolded. An object of Kubernetes has at most some 1.5 MB (etcd's limit)."""


@dataclass(frozen=True, slots=True)
class Located:
    """A document's value. `lines` has the line of each key's or item's place, from 1; of the root at ()."""

    source: str
    value: Any = field(repr=False)
    lines: dict[Path, int]

    def place(self, path: Path) -> str:
        """Return source and line of `path`."""
        return f"{self.source}:{self.line(path)}"

    def line(self, path: Path) -> int:
        """Return the line of `path`, or of the nearest thing around it that has one."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def documents(source: Source) -> list[Located]:
    """Return the documents of a text that are not empty. Raises ManifestError with the first thing that is wrong."""
    found: list[Located] = []
    try:
        for node in yaml.compose_all(_as_yaml(source.text), Loader=Loader):
            if node is None:
                continue
            reading = _Reading(source.name)
            value = reading.value(node, ())
            if value is not None:
                found.append(Located(source.name, value, reading.lines))
    except yaml.YAMLError as error:
        raise ManifestError([Complaint(source.name, _line_of(error), f"no YAML: {_words(error)}")]) from None
    return found


class _Reading:
    """One document on its way from nodes to values."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._visited = 0
        self.lines: dict[Path, int] = {}
        self._duplicates: list[Complaint] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        value = self._of(node, path, node)
        if self._duplicates:
            raise ManifestError(self._duplicates)
        return value

    def _of(self, node: yaml.Node, path: Path, place: yaml.Node) -> Any:
        self.lines[path] = place.start_mark.line + 1
        if len(path) > DEEPEST:
            raise self._error(node, f"nested deeper than {DEEPEST} levels")
        match node:
            case yaml.MappingNode():
                return {key: self._of(value, (*path, key), at) for key, at, value in self._entries(node, path)}
            case yaml.SequenceNode():
                self._count(node)
                return [self._of(item, (*path, index), item) for index, item in enumerate(node.value)]
            case yaml.ScalarNode():
                try:
                    return value_of(node)
                except ValueError as error:
                    raise self._error(node, str(error)) from None
            case _:
                raise self._error(node, "this is no value")

    def _entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield a mapping's entries; what it merges in comes first and gives way to its own."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        self._count(node)
        for key_node, value_node in node.value:
            if is_merge(key_node):
                for entries in self._merged(value_node, path):
                    merged = {**entries, **merged}
                continue
            try:
                key = key_of(key_node)
            except ValueError as error:
                raise self._error(key_node, str(error)) from None
            if key in own:
                first = own[key][0].start_mark.line + 1
                line = key_node.start_mark.line + 1
                message = f"the key {shown((*path, key))} stands here twice, first in line {first}"
                self._duplicates.append(Complaint(self._source, line, message))
            own[key] = (key_node, value_node)
        for key, (at, value) in {**merged, **own}.items():
            yield key, at, value

    def _merged(self, node: yaml.Node, path: Path) -> Iterator[dict[str, tuple[yaml.Node, yaml.Node]]]:
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(each, yaml.MappingNode):
                raise self._error(each, "<< takes a mapping, or a list of them")
            if len(path) >= DEEPEST:
                raise self._error(each, f"nested deeper than {DEEPEST} levels")
            yield {key: (at, value) for key, at, value in self._entries(each, (*path, "<<"))}

    def _count(self, node: yaml.CollectionNode) -> None:
        self._visited += 1 + len(node.value)
        if self._visited > LARGEST:
            raise self._error(node, f"more than {LARGEST} values, aliases unfolded")

    def _error(self, node: yaml.Node, message: str) -> ManifestError:
        return ManifestError([Complaint(self._source, node.start_mark.line + 1, message)])


def shown(path: Path) -> str:
    """Return a path as people write it: `spec.containers[0].env`; a key with dots or slashes stands in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int) or not step or set(step) & {".", "/", " "}:
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def _as_yaml(text: str) -> str:
    """Return JSON in a form that YAML readers take too; YAML as it is.

    In JSON a tab may stand between words, and half a character in an escape. Neither changes a line's number.
    """
    text = text.removeprefix("\ufeff")
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _PAIR.sub(lambda found: found[1] or _joined(found[2]), text.replace("\t", " "))


_PAIR = re.compile(r"(\\\\)|((?:\\u[dD][89abAB][0-9a-fA-F]{2})(?:\\u[dD][c-fC-F][0-9a-fA-F]{2}))")


def _joined(escapes: str) -> str:
    return str(json.loads(f'"{escapes}"'))


def _line_of(error: yaml.YAMLError) -> int | None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.line + 1 if mark is not None else None


def _words(error: yaml.YAMLError) -> str:
    # The whole text of the error would quote the line, which may be a Secret's.
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read")

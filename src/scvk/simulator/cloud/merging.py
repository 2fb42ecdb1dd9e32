"""JSON merge patch (RFC 7396), and how the platform's groups take one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Members a group cannot be without: the document allows null for them in a patch, which then can only mean
# "as it is".
_KEPT = (
    ("container",),
    ("replicas",),
    ("networking", "port"),
    ("container", "image"),
    ("container", "resources"),
    ("container", "resources", "cpu"),
    ("container", "resources", "memory"),
)


def merge_patch(target: Any, patch: Any) -> Any:
    """A new value; neither argument is changed."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def patch_definition(definition: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A group's definition after `patch`, a valid `ContainerGroupPatch`."""
    for path in _KEPT:
        patch = _without_null(patch, path)
    merged: dict[str, Any] = merge_patch(definition, patch)
    return merged


def _without_null(patch: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    name, *rest = path
    if name not in patch:
        return patch
    if not rest:
        return patch if patch[name] is not None else {key: value for key, value in patch.items() if key != name}
    if not isinstance(patch[name], Mapping):
        return patch
    return {**patch, name: _without_null(patch[name], tuple(rest))}

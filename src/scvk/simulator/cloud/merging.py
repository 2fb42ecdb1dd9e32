"""JSON merge patch (RFC 7396), and how the platform's groups take one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scvk.simulator.cloud.definition import HANDLERS, LOGINS, PROBES, SINKS

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
# Objects of which only one member may be given: a patch that names another one replaces it. A guess; a plain merge
# would have two, and the document allows no null there, so that a login could never be changed for one of another kind.
_CHOICES: Mapping[tuple[str, ...], tuple[str, ...]] = {
    **{(name,): HANDLERS for name in PROBES},
    ("container", "registry_authentication"): LOGINS,
    ("container", "logging"): SINKS,
}


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
    for place, choices in _CHOICES.items():
        chosen = {name for name in choices if _at(patch, place).get(name) is not None}
        if chosen:
            definition = _without(definition, place, set(choices) - chosen)
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


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    for name in path:
        values = values.get(name) or {}
    return values


def _without(values: Mapping[str, Any], path: tuple[str, ...], names: set[str]) -> Mapping[str, Any]:
    if not path:
        return {name: value for name, value in values.items() if name not in names}
    name, *rest = path
    inner = values.get(name)
    return values if inner is None else {**values, name: _without(inner, tuple(rest), names)}

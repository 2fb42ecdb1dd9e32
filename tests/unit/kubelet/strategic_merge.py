"""What the API server does with a patch, for the fields that a kubelet patches."""

from __future__ import annotations

from typing import Any

MERGE_KEYS = {"conditions": "type", "podIPs": "ip", "hostIPs": "ip", "addresses": "type"}
"""List fields that are merged by a key; all other lists are replaced whole."""


def json_merge(target: Any, patch: Any) -> Any:
    """Return `target` after a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = json_merge(merged.get(name), value)
    return merged


def strategic_merge(target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    """Return `target` after a strategic merge patch."""
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = strategic_merge(merged.get(name), value)
        elif isinstance(value, list) and name in MERGE_KEYS:
            merged[name] = _merge_list(merged.get(name) or [], value, MERGE_KEYS[name])
        else:
            merged[name] = value
    return merged


def _merge_list(present: list[dict[str, Any]], patch: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    if {"$patch": "replace"} in patch:
        return [entry for entry in patch if "$patch" not in entry]
    merged = [dict(entry) for entry in present]
    for entry in patch:
        if entry.get("$patch") == "delete":
            merged = [old for old in merged if old[key] != entry[key]]
            continue
        at = next((index for index, old in enumerate(merged) if old[key] == entry[key]), None)
        if at is None:
            merged.append(strategic_merge({}, entry))
        else:
            merged[at] = strategic_merge(merged[at], entry)
    return merged

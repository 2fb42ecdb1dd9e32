"""Drops what the OpenAPI document does not know from a request: it is tolerated, and has no effect.

Kept, it could come back in an answer under a name that has a meaning there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def prune(schema: Mapping[str, Any], value: Any) -> Any:
    """A copy of `value` with only the members that `schema` (references resolved) names, at any depth.

    Objects whose member names are free (environment variables) are kept whole.
    """
    if isinstance(value, Mapping):
        known = schema.get("properties")
        if known is None or isinstance(schema.get("additionalProperties"), Mapping):
            return dict(value)
        return {name: prune(known[name], inner) for name, inner in value.items() if name in known}
    if isinstance(value, list):
        return [prune(schema.get("items", {}), inner) for inner in value]
    return value

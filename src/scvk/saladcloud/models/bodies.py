"""From a model to the JSON body of a request or an answer: what is left out, and what is null.

One rule: None means "left out", unless the field has no plain None for its default. So a create request never
carries nulls, while in a merge patch, whose fields start as UNSET, an explicit None becomes the null that
resets a value. The same rule makes answers for a simulator of the platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec

_SCALARS = frozenset({str, int, float, bool, type(None)})


def body_of(model: msgspec.Struct) -> dict[str, Any]:
    """Return `model` as a JSON object of plain values, under the names of the document.

    Times are written in UTC with a trailing `Z`. The result is not checked: see `document.Document`.
    """
    body: dict[str, Any] = {}
    for field in _fields(type(model)):
        value = getattr(model, field.name)
        if value is msgspec.UNSET or (value is None and field.default is None):
            continue
        body[field.encode_name] = _plain(value)
    return body


@lru_cache
def _fields(model: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Return the fields of a model; msgspec reads the annotations anew each time, which is most of the cost."""
    return msgspec.structs.fields(model)


def _plain(value: Any) -> Any:
    if type(value) in _SCALARS:
        return value
    match value:
        case msgspec.Struct():
            return body_of(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Enum():
            return value.value
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value

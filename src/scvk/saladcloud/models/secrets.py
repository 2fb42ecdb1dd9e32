"""The secrets that a model carries, to keep them out of texts that somebody else wrote about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from scvk.saladcloud.models.base import Model


def secret_values(value: Any) -> frozenset[str]:
    """Return every non-empty text that stands in a secret field of `value`, at any depth."""
    return frozenset(text for text in _secrets(value) if text)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, msgspec.Struct):
        hidden = value.secret_fields if isinstance(value, Model) else frozenset()
        for name in value.__struct_fields__:
            inner = getattr(value, name)
            yield from _texts(inner) if name in hidden else _secrets(inner)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secrets(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)

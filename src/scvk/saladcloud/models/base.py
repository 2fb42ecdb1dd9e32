"""The base of every SaladCloud value: an immutable struct that reads tolerantly and shows no secrets.

Reading: fields of an answer that this code does not know are ignored, and a field that is missing or null
where the platform could leave it out becomes None, "not shown". Enumerations stay plain strings, so that a
member which SaladCloud adds tomorrow is a value like any other; the members known today are `StrEnum`s to
compare with. Only what identifies an object (its id or name) and the list of a collection are required. A
collection with one undecodable item does not decode at all: a listing that silently lacks an object would
make the object look absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, get_args, get_type_hints

import msgspec

HIDDEN = "***"
"""What stands in a `repr` for a value that may be a secret."""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable value of the API. Times are always aware and in UTC.

    `secret_fields` are never shown by `repr` (of a mapping, the keys are shown). A time without an offset
    is taken as UTC, which is what the document says of all its times.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        for name in _times_of(type(self)):
            value = getattr(self, name)
            if isinstance(value, datetime) and value.tzinfo is not UTC:
                msgspec.structs.force_setattr(self, name, _in_utc(value))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self._shown())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # msgspec's own would show every value
        return list(self._shown())

    def _shown(self) -> Iterator[tuple[str, str]]:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is None or value is msgspec.UNSET:
                continue
            yield name, _hidden(value) if name in self.secret_fields else repr(value)


@cache
def _times_of(model: type[Model]) -> tuple[str, ...]:
    """Return the fields that may hold a time: few, and a listing makes ten thousand values."""
    hints = get_type_hints(model)
    return tuple(name for name in model.__struct_fields__ if datetime in (hints[name], *get_args(hints[name])))


def _hidden(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {HIDDEN}" for key in value) + "}"
    return HIDDEN


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, which some servers write for "never"
        return value.replace(tzinfo=UTC)

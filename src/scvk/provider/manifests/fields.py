"""Holds values against the Kubernetes models, as the API server's strict field validation does.

A field that no model has is a typo that would cost its effect in silence, so it is an error, as is a number where a
text belongs (`value: 1`): both are what `kubectl apply` refuses.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import msgspec

from scvk.provider.manifests.complaint import Complaint, ManifestError
from scvk.provider.manifests.text import Located, Path, shown

_Model = TypeVar("_Model", bound=msgspec.Struct)

# Fields of the type `resource.Quantity`: Kubernetes takes numbers for them too.
_QUANTITIES = frozenset({"capacity", "divisor", "limits", "overhead", "requests", "sizeLimit"})
_OPAQUE = frozenset({"fieldsV1", "managedFields", "status"})


def fitted(model: type[_Model], located: Located, value: Any, path: Path) -> _Model:
    """Return `value`, which stands at `path` of the document, as a model.

    Raises ManifestError with every field that does not fit.
    """
    reading = _Fitting(located)
    clean = reading.fit(value, model, path)
    if reading.complaints:
        raise ManifestError(reading.complaints)
    try:
        return msgspec.convert(clean, model)
    except msgspec.ValidationError as error:  # not met until now; better a poor message than a traceback
        raise ManifestError([Complaint(located.source, located.line(path), str(error))]) from None


class _Fitting:
    """Collects complaints while a value is brought into the form of its model."""

    def __init__(self, located: Located) -> None:
        self._located = located
        self.complaints: list[Complaint] = []

    def fit(self, value: Any, kind: Any, path: Path) -> Any:
        """Return the value as the model takes it; something unusable where a complaint was made."""
        origin = typing.get_origin(kind)
        if origin is list:
            return self._list(value, typing.get_args(kind)[0], path)
        if origin in (typing.Union, types.UnionType):
            return self._int_or_string(value, path)
        if kind is dict or origin is dict:
            return self._map(value, path)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._struct(value, kind, path)
        return self._scalar(value, kind, path)

    def _struct(self, value: Any, model: type[msgspec.Struct], path: Path) -> Any:
        if not isinstance(value, Mapping):
            return self._complain(path, "must have fields of its own")
        known = _fields(model)
        fields: dict[str, Any] = {}
        for name, inner in value.items():
            where = (*path, name)
            if name not in known:
                near = _nearest(name, known)
                hint = f"; did you mean {near}?" if near else ""
                self._complain(where, f"unknown field{hint}")
            elif name in _OPAQUE and known[name].kind is not str:
                continue  # what only the API server writes
            elif inner is not None:  # null means: not set
                fields[name] = self.fit(inner, known[name].kind, where)
        for name, field in known.items():
            if field.required and name not in fields and name not in value:
                self._complain((*path, name), "is missing, and required")
        return fields

    def _list(self, value: Any, kind: Any, path: Path) -> Any:
        if not isinstance(value, list):
            return self._complain(path, "must be a list")
        return [self.fit(item, kind, (*path, index)) for index, item in enumerate(value)]

    def _map(self, value: Any, path: Path) -> Any:
        if not isinstance(value, Mapping):
            return self._complain(path, "must be a mapping")
        quantities = path[-1:] and path[-1] in _QUANTITIES
        return {
            name: self._quantity(inner, (*path, name)) if quantities else self._scalar(inner, str, (*path, name))
            for name, inner in value.items()
        }

    def _scalar(self, value: Any, kind: Any, path: Path) -> Any:
        if kind is str:
            if value is None:  # null in a mapping of texts
                return ""
            if isinstance(value, str):
                return value
            if path[-1] in _QUANTITIES:
                return self._quantity(value, path)
            return self._complain(path, "must be a text; write it in quotes")
        if kind is bool:
            return value if isinstance(value, bool) else self._complain(path, "must be true or false, without quotes")
        if kind in (int, float):
            return self._number(value, kind, path)
        if kind is datetime:
            return self._time(value, path)
        return value

    def _number(self, value: Any, kind: Any, path: Path) -> Any:
        if isinstance(value, float) and kind is int and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else int):
            what = "a whole number" if kind is int else "a number"
            return self._complain(path, f"must be {what}, without quotes")
        return value

    def _int_or_string(self, value: Any, path: Path) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | str):
            return self._complain(path, "must be a whole number or a text")
        return value

    def _quantity(self, value: Any, path: Path) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return self._complain(path, "must be a quantity such as 500m, 2 or 4Gi")
        return str(value)

    def _time(self, value: Any, path: Path) -> Any:
        try:
            return msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            return self._complain(path, "must be a time such as 2026-01-31T12:00:00Z")

    def _complain(self, path: Path, message: str) -> None:
        line = self._located.line(path)
        self.complaints.append(Complaint(self._located.source, line, f"{shown(path)}: {message}"))


class _Field(typing.NamedTuple):
    kind: Any
    required: bool


@cache
def _fields(model: type[msgspec.Struct]) -> dict[str, _Field]:
    return {
        field.encode_name: _Field(_unwrapped(field.type), field.required) for field in msgspec.structs.fields(model)
    }


def _unwrapped(kind: Any) -> Any:
    """Return the type within Optional; IntOrString stays a union."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        others = [each for each in typing.get_args(kind) if each is not type(None)]
        return others[0] if len(others) == 1 else kind
    return kind


def _nearest(name: str, known: Mapping[str, _Field]) -> str | None:
    by_case: Iterator[str] = (each for each in known if each.casefold() == name.casefold())
    if (same := next(by_case, None)) is not None:
        return same
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.75)), None)

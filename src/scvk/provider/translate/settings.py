"""Reads the values of `salad.com/…` annotations; what is not allowed is refused, with what is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scvk.provider.annotations import Annotation, nearest_key, path_of, unknown_keys
from scvk.provider.translate.finding import Report

INVALID = "InvalidAnnotation"
_SHOWN_LENGTH = 64


class Settings:
    """The annotations of one pod. Each method returns None where the annotation is absent or was refused."""

    def __init__(self, annotations: Mapping[str, str], report: Report) -> None:
        self._annotations = annotations
        self._report = report

    def report_unknown(self) -> None:
        """Report every annotation that looks like a setting and is none."""
        for key in unknown_keys(self._annotations):
            near = nearest_key(key)
            hint = f"; did you mean {near}?" if near else ""
            self._report.degrade(path_of(key), "UnknownAnnotation", f"{key} is not known and has no effect{hint}")

    def text(self, annotation: Annotation) -> str | None:
        """Return the value without surrounding spaces, as it is written."""
        value = self._annotations.get(annotation.key)
        return None if value is None else str(value).strip()

    def items(self, annotation: Annotation) -> tuple[str, ...]:
        """Return a comma-separated list without its spaces and empty items; empty also where there is none."""
        return tuple(item.strip() for item in (self.text(annotation) or "").split(",") if item.strip())

    def choice(self, annotation: Annotation) -> str | None:
        """Return one of the annotation's options, in lower case."""
        value = self.text(annotation)
        if value is None:
            return None
        if value.lower() in annotation.options:
            return value.lower()
        self.refuse(annotation, value)
        return None

    def boolean(self, annotation: Annotation) -> bool | None:
        """Return whether it says `true`."""
        value = self.text(annotation)
        if value is None:
            return None
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        self.refuse(annotation, value)
        return None

    def whole_number(self, annotation: Annotation, allowed: tuple[int, int]) -> int | None:
        """Return a whole number from the first to the second of `allowed`."""
        value = self.text(annotation)
        if value is None:
            return None
        number = whole_number_in(value, allowed)
        if number is None:
            self.refuse(annotation, value)
        return number

    def refuse(self, annotation: Annotation, value: str) -> None:
        """Say that the value is not allowed, and what is."""
        shown = value if len(value) <= _SHOWN_LENGTH else value[:_SHOWN_LENGTH] + "…"
        allowed = annotation.values.replace("`", "")
        self._report.refuse(annotation.path, INVALID, f"{shown!r} is no value for {annotation.key}; it takes {allowed}")


def whole_number_in(text: str, allowed: tuple[int, int]) -> int | None:
    """Return the number that `text` writes in digits, None where it is none or outside of `allowed`."""
    if not re.fullmatch("[0-9]{1,9}", text):
        return None
    return number if allowed[0] <= (number := int(text)) <= allowed[1] else None

"""Reads the values of `salad.com/…` annotations; what is not allowed is refused, with what is.

An annotation may stand on the pod, or on its namespace as a default. Findings name it by the pod's path either way.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping

from scvk.provider.annotations import PREFIX, Annotation, nearest_key, path_of, unknown_keys
from scvk.provider.translate.finding import Report
from scvk.provider.translate.lines import objection

INVALID = "InvalidAnnotation"
_SHOWN_LENGTH = 64


class Settings:
    """The annotations of one pod. Each method returns None where the annotation is absent or was refused.

    `own` are the keys that the pod itself has, where `annotations` also has defaults; None: all of them.
    """

    def __init__(self, annotations: Mapping[str, str], report: Report, *, own: Container[str] | None = None) -> None:
        self._annotations = annotations
        self._report = report
        self._own = annotations if own is None else own

    def report_unknown(self, namespace: Iterable[str] = ()) -> None:
        """Report every annotation that looks like a setting and is none, also among the keys of the namespace."""
        for key in dict.fromkeys((*unknown_keys(self._annotations), *unknown_keys(namespace))):
            near = nearest_key(key)
            hint = f"; did you mean {near}?" if near else ""
            where = "" if key in self._own else " (an annotation of the namespace)"
            self._report.degrade(
                path_of(key), "UnknownAnnotation", f"{key} is not known and has no effect{hint}{where}"
            )

    def is_own(self, annotation: Annotation) -> bool:
        """Say whether the pod itself has the annotation, and not only its namespace."""
        return annotation.key in self._annotations and annotation.key in self._own

    def asks_for(self, leading: Annotation, group: Iterable[Annotation]) -> bool:
        """Say whether the pod wants what a group of annotations stands for, complete or not.

        Defaults of the namespace alone, without the leading one, want nothing: they wait for pods that do.
        """
        return self.text(leading) is not None or any(self.is_own(annotation) for annotation in group)

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

    def line(self, annotation: Annotation, *, longest: int) -> str | None:
        """Return a text of one line that is not empty."""
        value = self.text(annotation)
        if value is None:
            return None
        problem = objection(value, longest=longest)
        if problem is not None:
            self._report.refuse(
                annotation.path, INVALID, f"The value of {annotation.key} {problem}{self._origin(annotation)}"
            )
            return None
        return value

    def matching(self, annotation: Annotation, pattern: str) -> str | None:
        """Return a text that matches the regular expression as a whole."""
        value = self.text(annotation)
        if value is None:
            return None
        if re.fullmatch(pattern, value):
            return value
        self.refuse(annotation, value)
        return None

    def refuse(self, annotation: Annotation, value: str) -> None:
        """Say that the value is not allowed, and what is."""
        shown = repr(value if len(value) <= _SHOWN_LENGTH else value[:_SHOWN_LENGTH] + "…")
        if annotation.secret:
            shown = "This"
        allowed = annotation.values.replace("`", "")
        self._report.refuse(
            annotation.path,
            INVALID,
            f"{shown} is no value for {annotation.key}; it takes {allowed}{self._origin(annotation)}",
        )

    def _origin(self, annotation: Annotation) -> str:
        return "" if self.is_own(annotation) else " (an annotation of the namespace)"


def with_defaults(own: Mapping[str, str], namespace: Mapping[str, str]) -> dict[str, str]:
    """Return the pod's annotations, and the settings of its namespace where the pod has none of that name."""
    unknown = set(unknown_keys(namespace))
    defaults = {key: value for key, value in namespace.items() if key.startswith(PREFIX) and key not in unknown}
    return {**defaults, **own}


def whole_number_in(text: str, allowed: tuple[int, int]) -> int | None:
    """Return the number that `text` writes in digits, None where it is none or outside of `allowed`."""
    if not re.fullmatch("[0-9]{1,9}", text):
        return None
    return number if allowed[0] <= (number := int(text)) <= allowed[1] else None

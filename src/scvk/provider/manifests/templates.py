"""Templates that nobody has rendered yet: what is wrong with them is that they are no manifests.

A `{{ … }}` may well stand in a manifest (in a ConfigMap, in an argument), so it is no complaint by itself; it is the
likely cause of one that is made in its line, or, where a text is no YAML, behind it.
"""

from __future__ import annotations

from collections.abc import Iterable

from scvk.provider.manifests.complaint import Complaint, Source

_MARK = "{{"
_REMEDY = "render it first, a chart with `helm template`"


def with_hints(complaints: Iterable[Complaint], source: Source, *, unreadable: bool = False) -> list[Complaint]:
    """Return the complaints, with a word about the template that likely caused them.

    `unreadable` says that the text is no YAML: the place where that shows may be far behind the cause.
    """
    marked = [number for number, line in enumerate(source.text.split("\n"), 1) if _is_marked(line)]
    if not marked:
        return list(complaints)
    return [_with_hint(each, marked, unreadable=unreadable) for each in complaints]


def _with_hint(complaint: Complaint, marked: list[int], *, unreadable: bool) -> Complaint:
    line = complaint.line
    if line in marked:
        hint = f"here stands a template's {{{{ … }}}}, and no value yet: {_REMEDY}"
    elif unreadable and (line is None or line > marked[0]):
        hint = f"if that is because of the template's {{{{ … }}}} in line {marked[0]}, {_REMEDY}"
    else:
        return complaint
    return Complaint(complaint.source, line, f"{complaint.message}; {hint}")


def _is_marked(line: str) -> bool:
    return _MARK in line and not line.lstrip().startswith("#")

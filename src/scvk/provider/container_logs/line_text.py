"""From a log entry back to the line that the program wrote: pure.

The platform keeps a line of JSON as an object, and takes some of its keys out of it. They are put back in front, where
programs write them; their order, spaces, the case of a severity, and `severity_number` are lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from scvk.saladcloud.models import LogEntry

_NO_SEVERITY = ("", "default")


def line_text(entry: LogEntry) -> str:
    """Return the text of the line."""
    if entry.text_log is not None:
        return entry.text_log
    if not isinstance(entry.json_log, Mapping):
        return json.dumps(entry.json_log, ensure_ascii=False)
    promoted = {
        "severity": None if entry.severity in _NO_SEVERITY else entry.severity,
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "parent_span_id": entry.parent_span_id,
    }
    taken = {name: value for name, value in promoted.items() if value is not None and name not in entry.json_log}
    return json.dumps({**taken, **entry.json_log}, ensure_ascii=False)

"""A log entry as the line that the program wrote.

A line that is a JSON object comes back as an object, its spaces lost, and what SaladCloud takes out of it (severity and
span ids become fields of the entry) is put back in front, in SaladCloud's spelling: its place and the severity's case
are lost. The lines with which the start-up wrapper hands over a termination message are not the program's.
"""

from __future__ import annotations

import msgspec

from scvk.kubelet.log_source import LogLine
from scvk.provider.translate.start_up import program_part_of
from scvk.saladcloud.models import LogEntry

NO_SEVERITY = "default"


def line_of(entry: LogEntry) -> LogLine | None:
    """Return the line, None for one that is not the program's."""
    text = program_part_of(text_of(entry))
    return None if text is None else LogLine(entry.time, text)


def text_of(entry: LogEntry) -> str:
    """Return the text of a line of output, JSON in one line without spaces."""
    if entry.text_log is not None:
        return entry.text_log
    taken_out = {
        "severity": entry.severity if entry.severity != NO_SEVERITY else None,
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "parent_span_id": entry.parent_span_id,
    }
    value = entry.json_log
    if isinstance(value, dict):
        value = {name: part for name, part in taken_out.items() if part is not None and name not in value} | value
    return msgspec.json.encode(value).decode()

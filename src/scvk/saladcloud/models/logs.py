"""Log entries (output of programs and the platform's events) and the system logs of a group."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import field

from scvk.saladcloud.models.base import Model

MAX_LOG_PAGE_SIZE = 100
"""`PageSize.maximum` of the document."""
MAX_LOG_QUERY_LENGTH = 20_000
"""`LogEntryQuery.query.maxLength` of the document, in characters."""
MAX_SYSTEM_LOGS = 50
"""A group's system logs show at most so many events: `SystemLogList.items.maxItems`."""


class SortOrder(StrEnum):
    """The order of log entries by time; the platform's default is `desc`."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class ResourceType(StrEnum):
    """`resource.type` of a log entry: the members known today."""

    CONTAINER = "container"
    """Standard output and standard error of the program."""
    INSTANCE_CONTROLLER = "instance_controller"
    DEPLOYMENT_CONTROLLER = "deployment_controller"


class LogEntryResource(Model, frozen=True, kw_only=True):
    """What an entry is about. `type` is a `ResourceType`, or another word, or ""."""

    type: str = ""
    labels: Mapping[str, str | None] = field(default_factory=dict)


class LogEntry(Model, frozen=True, kw_only=True):
    """One line of output or one event: exactly one of `text_log` and `json_log` is given.

    `time` is when it happened, `receive_time` when the platform learnt of it (entries may come late).
    `json_log` is the value of a line that was JSON.
    """

    time: datetime
    receive_time: datetime | None = None
    resource: LogEntryResource = field(default_factory=LogEntryResource)
    severity: str = "default"
    text_log: str | None = None
    json_log: Any = None
    parent_span_id: str | None = None
    span_id: str | None = field(default=None, name="span_Id")
    trace_id: str | None = field(default=None, name="trace_Id")


class LogEntryCollection(Model, frozen=True, kw_only=True):
    """One page of entries. The page's times go on to the next page; None where the answer shows none."""

    items: tuple[LogEntry, ...]
    organization_name: str | None = None
    page_max_time: datetime | None = None
    page_min_time: datetime | None = None


class LogEntryQuery(Model, frozen=True, kw_only=True):
    """A query over an organization's entries.

    `query` has at most 20,000 characters; `end_time` may not be in the future; `page_size` 1 to 100;
    `sort_order` a `SortOrder`. Paging is by time alone.
    """

    query: str
    start_time: datetime
    end_time: datetime
    page_size: int | None = None
    sort_order: str | None = None


class SystemLog(Model, frozen=True, kw_only=True):
    """One event of a group. `version` is text here; CPU in cores, memory in megabytes, storage in bytes."""

    event_name: str
    event_time: datetime
    instance_id: str | None = None
    machine_id: str | None = None
    # Required and nullable: the defaults are factories, so that `body_of` writes the nulls.
    resource_cpu: int | None = field(default_factory=lambda: None)
    resource_gpu_class: str | None = None
    resource_memory: int | None = field(default_factory=lambda: None)
    resource_storage_amount: int | None = field(default_factory=lambda: None)
    version: str | int | None = None


class SystemLogList(Model, frozen=True, kw_only=True):
    """The newest events of a group, at most `MAX_SYSTEM_LOGS`."""

    items: tuple[SystemLog, ...]

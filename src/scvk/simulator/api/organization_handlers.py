"""One function per operation that concerns a whole organization: logs, GPU classes, quotas, availability."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from scvk.saladcloud.models import body_of
from scvk.simulator.api.gate import Answer, Call
from scvk.simulator.clock import Clock
from scvk.simulator.cloud.mishaps import Mishaps
from scvk.simulator.gpu_catalogue import cpu_machines_online, gpu_classes, machines_online
from scvk.simulator.logs.entries import LogEntry, format_time
from scvk.simulator.logs.query import Predicate, QueryError, compile_query
from scvk.simulator.problems import InvalidRequest

# `PageSize` allows 1-100; the document names no default.
_DEFAULT_PAGE_SIZE = 100
# Entries that are looked at before others get their turn.
_AT_ONCE = 500


class OrganizationHandlers:
    """Those that need more than the organization: `clock` says what is the future, `mishaps` what is sold out."""

    def __init__(self, clock: Clock, mishaps: Mishaps) -> None:
        self._clock = clock
        self._mishaps = mishaps

    async def query_log_entries(self, call: Call) -> Answer:
        """A page of the organization's log entries."""
        body = call.body
        start, end = _moment(body["start_time"], "start_time"), _moment(body["end_time"], "end_time")
        if end > self._clock.now():
            raise InvalidRequest.at("end_time", "must not be in the future")
        if start > end:
            raise InvalidRequest.at("start_time", "must not be after end_time")
        try:
            matches = compile_query(body["query"])
        except QueryError as error:
            raise InvalidRequest.at("query", str(error)) from None
        everything = (
            entry for project in call.organization.projects.values() for entry in project.logs.between(start, end)
        )
        entries = await _found(everything, matches)
        descending = body.get("sort_order", "desc") == "desc"
        entries.sort(key=lambda entry: entry.time, reverse=descending)
        page = entries[: body.get("page_size", _DEFAULT_PAGE_SIZE)]
        times = [entry.time for entry in page] or [start, end]
        return Answer(
            body={
                "items": [entry.render() for entry in page],
                "organization_name": call.organization.name,
                "page_min_time": format_time(min(times)),
                "page_max_time": format_time(max(times)),
            }
        )

    def get_gpu_availability(self, call: Call) -> Answer:
        """How many machines with one of the classes are there; the lower the priority, the fewer can be had."""
        wanted = frozenset(class_id.lower() for class_id in call.body["gpu_classes"])
        left = [class_id for class_id in wanted if not self._mishaps.out_of_capacity(frozenset({class_id}))]
        online = machines_online(left, call.body)
        return Answer(
            body={
                "available_gpu_high": online,
                "available_gpu_medium": online * 3 // 4,
                "available_gpu_low": online // 2,
                "available_gpu_batch": online // 4,
                "on_call_gpu": online * 2,
            }
        )

    def get_cpu_availability(self, call: Call) -> Answer:
        """How many machines are there for groups without a GPU."""
        machines = 0 if self._mishaps.out_of_capacity(frozenset()) else cpu_machines_online(call.body)
        return Answer(body={"available_cpu_batch": machines, "on_call_cpu": machines * 2})


async def _found(entries: Iterable[LogEntry], matches: Predicate) -> list[LogEntry]:
    """Those that match. Others are served meanwhile: the longest query over a full store takes a minute."""
    found = []
    for number, entry in enumerate(entries, 1):
        if matches(entry):
            found.append(entry)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


def list_gpu_classes(_call: Call) -> Answer:
    """The whole catalogue."""
    return Answer(body={"items": [body_of(gpu_class) for gpu_class in gpu_classes().values()]})


def get_quotas(call: Call) -> Answer:
    """Limits and use."""
    quotas = call.organization.quotas
    created = format_time(call.organization.create_time)
    return Answer(
        body={
            "container_groups_quotas": {
                "container_replicas_quota": quotas.container_replicas,
                "container_replicas_used": call.organization.replicas_used,
                "max_container_group_reallocations_per_minute": quotas.reallocations_per_minute,
                "max_container_group_recreates_per_minute": quotas.recreates_per_minute,
                "max_container_group_restarts_per_minute": quotas.restarts_per_minute,
            },
            "create_time": created,
            "update_time": created,
        }
    )


def _moment(text: str, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.upper())
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest.at(field, "is no time that can be searched") from None

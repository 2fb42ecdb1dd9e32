"""SaladCloud's REST API, one method for each operation: typed values, typed errors.

What may be sent is what the OpenAPI document allows: names, ids and bodies are checked before, and what is
wrong raises InvalidRequest without a request being spent. Each method costs one request of the budget, in
the class that it is given, waits for its turn, and is sent once: whether to ask again is for the caller's
next look at the world.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from scvk.saladcloud.answers import checked_acceptance, value_of
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.errors import Call, InvalidRequest
from scvk.saladcloud.exchange import MAX_ANSWER_BYTES, REQUEST_DEADLINE_S, Answer, Exchanger, RequestOutcome
from scvk.saladcloud.models import (
    ContainerGroup,
    ContainerGroupCollection,
    ContainerGroupInstance,
    ContainerGroupInstanceCollection,
    ContainerGroupInstancePatch,
    ContainerGroupPatch,
    ContainerGroupPrototype,
    CpuAvailability,
    CpuAvailabilityPrototype,
    GpuAvailability,
    GpuAvailabilityPrototype,
    GpuClassesList,
    LogEntryCollection,
    LogEntryQuery,
    Model,
    Quotas,
    SystemLogList,
    body_of,
    document,
)
from scvk.saladcloud.models.secrets import secret_values
from scvk.saladcloud.wording import one_line

T = TypeVar("T")

PUBLIC_API_URL = "https://api.salad.com/api/public"
"""`servers[0].url` of the document."""
_ASKING_POSTS = frozenset({"query_log_entries", "get_cpu_availability", "get_gpu_availability"})


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SaladCloudClient:
    """One organization and project of SaladCloud. An async context manager that closes `http` at its end.

    All clients with the same API key share one `budget`. `observer` is told of every request that was sent.
    `clock` gives monotonic seconds, `now` aware times. Raises ValueError for a malformed URL or API key.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        api_key: str,
        organization: str,
        project: str,
        budget: RequestBudget,
        api_url: str = PUBLIC_API_URL,
        deadline_s: float = REQUEST_DEADLINE_S,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        observer: Callable[[RequestOutcome], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._http = http
        self._scope = {"organization_name": organization, "project_name": project}
        self._operations = document().operations
        self._exchanger = Exchanger(
            http,
            api_url=api_url,
            api_key=api_key,
            budget=budget,
            clock=clock,
            now=now,
            deadline_s=deadline_s,
            max_answer_bytes=max_answer_bytes,
            observer=observer,
        )
        self.budget = budget

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(exc_type, exc_value, traceback)

    def newest_outcome(self, operation: str) -> RequestOutcome | None:
        """Return how the newest request of an operation of the document went; None where there was none yet."""
        return self._exchanger.newest.get(operation)

    # Container groups

    async def list_container_groups(
        self, *, request_class: RequestClass = RequestClass.OBSERVE
    ) -> ContainerGroupCollection:
        """Return the groups of the project; see `may_be_cut` for what the listing says about others."""
        return await self._ask(
            ContainerGroupCollection, request_class, "list_container_groups", "list container groups"
        )

    async def create_container_group(
        self, prototype: ContainerGroupPrototype, *, request_class: RequestClass = RequestClass.CREATE
    ) -> ContainerGroup:
        """Create a group. Repeatable: NameConflict then says that the name is used, perhaps by us."""
        return await self._ask(
            ContainerGroup,
            request_class,
            "create_container_group",
            f"create container group {prototype.name}",
            body=prototype,
        )

    async def get_container_group(
        self, name: str, *, request_class: RequestClass = RequestClass.OBSERVE
    ) -> ContainerGroup:
        """Return one group. Raises NotFound."""
        return await self._ask(
            ContainerGroup, request_class, "get_container_group", f"get container group {name}", group=name
        )

    async def update_container_group(
        self, name: str, patch: ContainerGroupPatch, *, request_class: RequestClass = RequestClass.CREATE
    ) -> ContainerGroup:
        """Apply a merge patch to a group: what is UNSET stays as it is. Raises NotFound."""
        return await self._ask(
            ContainerGroup,
            request_class,
            "update_container_group",
            f"update container group {name}",
            group=name,
            body=patch,
        )

    async def delete_container_group(self, name: str, *, request_class: RequestClass = RequestClass.DELETE) -> None:
        """Ask for a group's deletion, which happens later. Repeatable; raises NotFound once it is gone."""
        await self._act(request_class, "delete_container_group", f"delete container group {name}", group=name)

    async def start_container_group(self, name: str, *, request_class: RequestClass = RequestClass.CREATE) -> None:
        """Ask for a group to be started."""
        await self._act(request_class, "start_container_group", f"start container group {name}", group=name)

    async def stop_container_group(self, name: str, *, request_class: RequestClass = RequestClass.DELETE) -> None:
        """Ask for a group to be stopped."""
        await self._act(request_class, "stop_container_group", f"stop container group {name}", group=name)

    # Instances

    async def list_container_group_instances(
        self, name: str, *, request_class: RequestClass = RequestClass.OBSERVE
    ) -> ContainerGroupInstanceCollection:
        """Return the instances of a group. Raises NotFound where there is no such group."""
        return await self._ask(
            ContainerGroupInstanceCollection,
            request_class,
            "list_container_group_instances",
            f"list instances of container group {name}",
            group=name,
        )

    async def get_container_group_instance(
        self, name: str, instance_id: str, *, request_class: RequestClass = RequestClass.OBSERVE
    ) -> ContainerGroupInstance:
        """Return one instance of a group. Raises NotFound."""
        return await self._ask(
            ContainerGroupInstance,
            request_class,
            "get_container_group_instance",
            f"get instance {instance_id} of container group {name}",
            group=name,
            instance=instance_id,
        )

    async def update_container_group_instance(
        self,
        name: str,
        instance_id: str,
        patch: ContainerGroupInstancePatch,
        *,
        request_class: RequestClass = RequestClass.CREATE,
    ) -> ContainerGroupInstance:
        """Apply a merge patch to an instance. Raises NotFound."""
        return await self._ask(
            ContainerGroupInstance,
            request_class,
            "update_container_group_instance",
            f"update instance {instance_id} of container group {name}",
            group=name,
            instance=instance_id,
            body=patch,
        )

    async def reallocate_container_group_instance(
        self, name: str, instance_id: str, *, request_class: RequestClass = RequestClass.CREATE
    ) -> None:
        """Ask for an instance to be moved to another machine. Raises NotFound."""
        await self._act_on_instance("reallocate", name, instance_id, request_class)

    async def recreate_container_group_instance(
        self, name: str, instance_id: str, *, request_class: RequestClass = RequestClass.CREATE
    ) -> None:
        """Ask for an instance's container to be made anew on its machine. Raises NotFound."""
        await self._act_on_instance("recreate", name, instance_id, request_class)

    async def restart_container_group_instance(
        self, name: str, instance_id: str, *, request_class: RequestClass = RequestClass.CREATE
    ) -> None:
        """Ask for an instance's container to be started again. Raises NotFound."""
        await self._act_on_instance("restart", name, instance_id, request_class)

    # Logs

    async def get_system_logs(self, name: str, *, request_class: RequestClass = RequestClass.OBSERVE) -> SystemLogList:
        """Return the newest events of a group, at most 50. Raises NotFound."""
        return await self._ask(
            SystemLogList,
            request_class,
            "get_system_logs",
            f"get system logs of container group {name}",
            group=name,
        )

    async def query_log_entries(
        self, query: LogEntryQuery, *, request_class: RequestClass = RequestClass.OBSERVE
    ) -> LogEntryCollection:
        """Return one page of the organization's log entries."""
        return await self._ask(LogEntryCollection, request_class, "query_log_entries", "query log entries", body=query)

    # The organization

    async def list_gpu_classes(self, *, request_class: RequestClass = RequestClass.OBSERVE) -> GpuClassesList:
        """Return the GPU classes that the organization can use, with prices."""
        return await self._ask(GpuClassesList, request_class, "list_gpu_classes", "list GPU classes")

    async def get_quotas(self, *, request_class: RequestClass = RequestClass.OBSERVE) -> Quotas:
        """Return the organization's quotas and how much of them is used."""
        return await self._ask(Quotas, request_class, "get_quotas", "get quotas")

    async def get_cpu_availability(
        self, wanted: CpuAvailabilityPrototype, *, request_class: RequestClass = RequestClass.OBSERVE
    ) -> CpuAvailability:
        """Return how many machines without a GPU would fit now."""
        return await self._ask(
            CpuAvailability, request_class, "get_cpu_availability", "get CPU availability", body=wanted
        )

    async def get_gpu_availability(
        self, wanted: GpuAvailabilityPrototype, *, request_class: RequestClass = RequestClass.OBSERVE
    ) -> GpuAvailability:
        """Return how many machines with one of the GPU classes would fit now."""
        return await self._ask(
            GpuAvailability, request_class, "get_gpu_availability", "get GPU availability", body=wanted
        )

    # How a request is made

    async def _ask(
        self,
        type_: type[T],
        request_class: RequestClass,
        operation: str,
        purpose: str,
        *,
        group: str | None = None,
        instance: str | None = None,
        body: Model | None = None,
    ) -> T:
        secrets = secret_values(body)

        def read(call: Call, answer: Answer) -> T:
            return value_of(call, answer.status, answer.body, type_, secrets=secrets)

        return await self._send(read, request_class, operation, purpose, group, instance, body)

    async def _act(
        self,
        request_class: RequestClass,
        operation: str,
        purpose: str,
        *,
        group: str,
        instance: str | None = None,
    ) -> None:
        def read(call: Call, answer: Answer) -> None:
            checked_acceptance(call, answer.status, answer.body)

        await self._send(read, request_class, operation, purpose, group, instance, None)

    async def _act_on_instance(self, action: str, name: str, instance_id: str, request_class: RequestClass) -> None:
        await self._act(
            request_class,
            f"{action}_container_group_instance",
            f"{action} instance {instance_id} of container group {name}",
            group=name,
            instance=instance_id,
        )

    async def _send(
        self,
        read: Callable[[Call, Answer], T],
        request_class: RequestClass,
        operation_id: str,
        purpose: str,
        group: str | None,
        instance: str | None,
        body: Model | None,
    ) -> T:
        operation = self._operations[operation_id]
        given = {**self._scope, "container_group_name": group, "container_group_instance_id": instance}
        parameters = {name: given[name] or "" for name in operation.path_parameters}
        call = Call(
            operation=operation_id,
            method=operation.method,
            path=operation.path.format(**{name: quote(value, safe="") for name, value in parameters.items()}),
            purpose=one_line(purpose),
            changes=operation.method != "GET" and operation_id not in _ASKING_POSTS,
        )
        wrong = operation.path_violations(parameters)
        plain = None if body is None else body_of(body)
        wrong += operation.request_violations(plain)
        if wrong:
            raise InvalidRequest(call, wrong)
        return await self._exchanger.send(
            call,
            request_class,
            lambda answer: read(call, answer),
            content=None if plain is None else msgspec.json.encode(plain),
            media_type=operation.request.media_type if operation.request else None,
            secrets=secret_values(body),
        )

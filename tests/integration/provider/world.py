"""A provider, the real client, a scripted SaladCloud, and the kubelet's part of one pod, on the loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec
from lightkube.models.core_v1 import ContainerStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import key_of, uid_of
from scvk.kubelet.inputs import ContainerInputs, InputNeeds, InputSource, MissingInput, PodInputs
from scvk.kubelet.provider import (
    Observation,
    PodEvent,
    PodIdentity,
    PodKey,
    Removal,
    TemporaryProviderError,
)
from scvk.provider.image_configs import ImageConfigs
from scvk.provider.ownership import PodMark, environment, group_name
from scvk.provider.preparation import Preparation
from scvk.provider.record import record_of
from scvk.provider.saladcloud_provider import ProviderIdentity, SaladCloudProvider
from scvk.provider.translate.policy import DEFAULT_POLICY, Policy
from scvk.registry import ImageConfig, ImageReference, Login, RegistryClient, RegistryError, RemoteImage
from scvk.registry.client import Repository
from scvk.saladcloud.budget import RequestBudget
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.exchange import http_client
from tests.integration.provider.scripted_saladcloud import ScriptedSaladCloud, wall_clock
from tests.unit.provider.evidence import HOST_IP, UID, a_pod, with_status

CLUSTER = "c1"
INPUTS = PodInputs({"main": ContainerInputs(command=("run",))})


@dataclass
class GivenInputs:
    """The kubelet's inputs, as a test gives them; it keeps account of what was asked for."""

    found: PodInputs = INPUTS
    missing: MissingInput | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
    asked: list[InputNeeds] = field(default_factory=list)

    async def namespace_annotations(self, pod: Pod) -> Mapping[str, str]:  # noqa: ARG002
        return self.defaults

    async def inputs(self, pod: Pod, needs: InputNeeds) -> PodInputs:  # noqa: ARG002
        self.asked.append(needs)
        if self.missing is not None:
            raise self.missing
        return self.found


_: type[InputSource] = GivenInputs


@dataclass
class ScriptedImages:
    """Registries that tell `config` of every image after `takes_s`, or raise `failure`."""

    config: ImageConfig = ImageConfig(entrypoint=("/serve",))  # noqa: RUF009 - frozen
    failure: RegistryError | None = None
    takes_s: float = 0.0
    asked: list[tuple[str, Login | None]] = field(default_factory=list)

    async def image(self, reference: ImageReference, login: Login | None = None, /) -> RemoteImage:
        self.asked.append((str(reference), login))
        await asyncio.sleep(self.takes_s)
        if self.failure is not None:
            raise self.failure
        client = RegistryClient()
        return RemoteImage(
            reference, "sha256:0", self.config, (), Repository(client._exchange, client.limits, reference, login)
        )


def monotonic() -> float:
    return asyncio.get_running_loop().time()


def mark(attempt: int = 0, *, uid: str = UID, name: str = "web", cluster: str = CLUSTER) -> PodMark:
    return PodMark(cluster, "shop", name, uid, attempt, "node-a")


def name_of(attempt: int = 0) -> str:
    return group_name(mark(attempt))


class World:
    """`pod` is as the API server has it; `sync` does what the kubelet does with an observation."""

    def __init__(
        self,
        pod: Pod | None = None,
        cloud: ScriptedSaladCloud | None = None,
        policy: Policy = DEFAULT_POLICY,
        *,
        adopt_legacy: bool = False,
    ) -> None:
        self.cloud = cloud or ScriptedSaladCloud()
        self.registry = ScriptedImages()
        self.policy = policy
        self.adopt_legacy = adopt_legacy
        self.pod = pod or a_pod()
        self.inputs = GivenInputs()
        self.events: list[PodEvent] = []
        self.status_writes = 0
        self.restart()

    def restart(self) -> None:
        """Start the agent again: nothing is remembered but what stands in the cloud and on the pod."""
        budget = RequestBudget(monotonic)
        client = SaladCloudClient(
            http_client("test", transport=httpx2.MockTransport(self.cloud)),
            api_key="secret-key",
            organization="acme",
            project="default",
            budget=budget,
            clock=monotonic,
            now=wall_clock,
        )
        identity = ProviderIdentity(CLUSTER, "node-a", HOST_IP, "acme", "default")
        preparation = Preparation(ImageConfigs(self.registry, monotonic), self.policy)
        self.provider = SaladCloudProvider(
            client,
            budget,
            identity,
            preparation=preparation,
            now=wall_clock,
            monotonic=monotonic,
            adopt_legacy=self.adopt_legacy,
        )

    async def started(self) -> World:
        await self.provider.start()
        return self

    async def poll(self) -> None:
        """Take a listing, a second after whatever was done last."""
        await asyncio.sleep(1)
        await self.provider._poller.list_once()

    async def hear(self) -> None:
        await asyncio.sleep(2)
        await self.provider._poller.read_events_once()

    async def sync(self) -> Observation:
        observation = await self.provider.sync(self.pod, self.inputs)
        if observation.annotations:
            self.annotate(observation.annotations)
        self.events += observation.events
        if observation.status is not None:
            after = with_status(self.pod, observation.status, now=wall_clock())
            self.status_writes += after is not self.pod
            self.pod = after
        return observation

    async def settle(self, rounds: int = 12) -> None:
        """Sync and list in turn, as the loops do, through temporary failures."""
        for _ in range(rounds):
            try:
                await self.sync()
            except TemporaryProviderError:
                await asyncio.sleep(1)
            await self.poll()

    async def remove(self, annotations: Mapping[str, str] | None = None) -> Removal:
        metadata = self.pod.metadata
        assert metadata
        own = metadata.annotations or {}
        return await self.provider.remove(
            PodIdentity(key_of(self.pod), uid_of(self.pod)), own if annotations is None else annotations
        )

    def annotate(self, annotations: Mapping[str, str]) -> None:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.pod))
        plain["metadata"]["annotations"] = {**(plain["metadata"].get("annotations") or {}), **annotations}
        self.pod = msgspec.convert(plain, Pod)

    def edit(self, *, spec: Mapping[str, Any] | None = None, **container: Any) -> None:
        """Change the pod as `kubectl set image` or a resize does: fields of its first container, or of the spec."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.pod))
        plain["spec"] |= spec or {}
        plain["spec"]["containers"][0] |= container
        plain["metadata"]["generation"] += 1
        self.pod = msgspec.convert(plain, Pod)

    def unannotate(self, *names: str) -> None:
        """Take annotations away."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.pod))
        for name in names:
            del plain["metadata"]["annotations"][name]
        self.pod = msgspec.convert(plain, Pod)

    def forget_annotations(self) -> None:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.pod))
        plain["metadata"]["annotations"] = {}
        self.pod = msgspec.convert(plain, Pod)

    def run_group(self, attempt: int = 0) -> str:
        """Let the group of an attempt run in the cloud, made by whatever happened before."""
        name = name_of(attempt)
        self.cloud.add(name, environment(mark(attempt)))
        return name

    @property
    def attempt(self) -> int | None:
        assert self.pod.metadata
        record = record_of(self.pod.metadata.annotations or {})
        return None if record is None else record.attempt

    @property
    def phase(self) -> str | None:
        return self.pod.status.phase if self.pod.status else None

    @property
    def container(self) -> ContainerStatus:
        assert self.pod.status
        assert self.pod.status.containerStatuses
        return self.pod.status.containerStatuses[0]

    @property
    def waiting(self) -> str | None:
        state = self.container.state
        return state.waiting.reason if state and state.waiting else None

    def changed(self) -> list[PodKey]:
        queue = self.provider._changes
        return [queue.get_nowait() for _ in range(queue.qsize())]

"""The composition root of one node: settings in, a running virtual kubelet out.

Everything that reads the machine (files, environment, clock, signals) is gathered here; below it, all is passed in.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import structlog
import yaml
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError
from lightkube.resources.core_v1 import Namespace

from scvk import __version__
from scvk.api_settings import api_door
from scvk.kubelet.address import own_address
from scvk.kubelet.api.server import ApiDoor
from scvk.kubelet.capabilities import Capabilities
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ClusterForbidden, ClusterUnreachable
from scvk.kubelet.declared_features import declared_features
from scvk.kubelet.kubelet import AgentIdentity, Kubelet
from scvk.kubelet.lease import AgentLeaseLost, AnotherAgent
from scvk.kubelet.node import NodeIdentity, kubelet_version
from scvk.kubelet.node_keeper import NodeTaken
from scvk.kubelet.uninstallation import UninstallationError
from scvk.provider.health import ailment
from scvk.provider.image_configs import LIMITS, ImageConfigs
from scvk.provider.metrics import provider_metrics
from scvk.provider.ownership import cluster_id
from scvk.provider.preparation import Preparation
from scvk.provider.saladcloud_provider import ProviderIdentity, SaladCloudProvider
from scvk.registry import AddressPolicy, RegistryClient
from scvk.saladcloud.budget import RequestBudget
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import NotFound, SaladCloudError
from scvk.saladcloud.exchange import http_client
from scvk.saladcloud.ssh.pool import SharedConnections
from scvk.settings import AgentSettings, Checked, CheckedSaladCloud, checked, is_web_address
from scvk.signals import stopped_by_signals
from scvk.ssh_settings import connections_of
from scvk.translation_settings import checked_policy

USER_AGENT = f"virtual-kubelet-saladcloud/{__version__}"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

FORESEEN = (ClusterError, SaladCloudError, AnotherAgent, AgentLeaseLost, NodeTaken, UninstallationError)
"""What can end an agent without any fault of this program."""

log = structlog.get_logger(__name__)


class AgentError(Exception):
    """The agent cannot start or go on; the text is one clear line for the operator (exit code 1)."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open client of the cluster, and what it was opened with."""

    config: SingleConfig
    cluster: Cluster


async def run_agent(settings: AgentSettings) -> None:
    """Play the node until SIGTERM, SIGINT or cancellation; a stop disturbs no pod.

    Raises SettingsError for wrong options and AgentError for everything that the operator has to mend.
    """
    task = asyncio.current_task()
    assert task is not None
    with stopped_by_signals(task) as received:
        try:
            await play_node(settings)
            await _stay_in_pod()
        except asyncio.CancelledError:
            if not received or task.uncancel() > 0:
                raise  # somebody else cancelled us, and waits for that
            log.info("stopped; no pod was disturbed")


async def _stay_in_pod() -> None:
    """Wait for the end of the pod that the agent runs in, if it does: left alone, it would be started again at once,
    and make the Node that has just been uninstalled.
    """
    if (SERVICE_ACCOUNT / "token").is_file():
        log.info("delete the Deployment of this agent now; until then it does nothing")
        await asyncio.Event().wait()


async def play_node(settings: AgentSettings) -> None:
    """Play the node until cancelled. Raises as `run_agent` does."""
    chosen = checked(settings)
    config = kubernetes_config(settings.kubeconfig)
    async with (
        connected(config) as connection,
        saladcloud_client(chosen.saladcloud) as (client, budget),
        _image_configs(chosen.registries) as images,
    ):
        await _run(settings, chosen, connection, client, budget, images)


async def _run(
    settings: AgentSettings,
    chosen: Checked,
    connection: Connection,
    client: SaladCloudClient,
    budget: RequestBudget,
    images: ImageConfigs,
) -> None:
    server = urlsplit(connection.config.cluster.server)
    address = settings.kubelet_address or own_address(server.hostname or "127.0.0.1", server.port or 443)
    with (
        api_door(settings, chosen.node_name, address, utc_now) as door,
        explained(connection.config.cluster.server),
    ):
        release = await connection.cluster.server_version()
        version = kubelet_version(release, f"scvk-{__version__}")
        identity = await read_cluster_id(connection.cluster, settings.cluster_id)
        holder = f"{socket.gethostname()}_{secrets.token_hex(4)}"
        node = Node(
            connection.cluster,
            client,
            budget,
            ProviderIdentity(
                identity,
                chosen.node_name,
                address,
                chosen.saladcloud.organization,
                chosen.saladcloud.project,
            ),
            NodeIdentity(
                chosen.node_name,
                address,
                version,
                chosen.taints,
                chosen.labels,
                door.port,
                declared_features(release),
            ),
            AgentIdentity(holder, settings.agent_namespace or connection.config.namespace or "default"),
            preparation=Preparation(images, checked_policy(settings, kubernetes_version=release)),
            service_links=settings.service_links,
            pods_have_node_ip=settings.pod_ip == "node",
            adopt_legacy=settings.adopt_legacy,
            door=door,
            ssh=connections_of(settings),
            now=utc_now,
            monotonic=time.monotonic,
        )
        await node.run()


class Node:
    """Kubelet and provider joined to one node; the clocks are the caller's. Constructed without effects."""

    def __init__(
        self,
        cluster: Cluster,
        client: SaladCloudClient,
        budget: RequestBudget,
        cloud: ProviderIdentity,
        node: NodeIdentity,
        agent: AgentIdentity,
        *,
        preparation: Preparation,
        service_links: bool,
        pods_have_node_ip: bool = False,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        adopt_legacy: bool = False,
        door: ApiDoor | None = None,
        ssh: SharedConnections | None = None,
    ) -> None:
        self.provider = SaladCloudProvider(
            client,
            budget,
            cloud,
            preparation=preparation,
            now=now,
            monotonic=monotonic,
            adopt_legacy=adopt_legacy,
            ssh=ssh,
        )
        access = self.provider.remote_access
        self.kubelet = Kubelet(
            cluster,
            self.provider,
            node,
            agent,
            service_links=service_links,
            pods_have_node_ip=pods_have_node_ip,
            door=door,
            capabilities=Capabilities(
                logs=self.provider.program_log,
                commands=access.commands,
                ports=access.ports,
                usage=self.provider.usage,
                metrics=lambda: provider_metrics(
                    budget.snapshot(), self.provider.poller_snapshot(), self.provider.group_counts()
                ),
                ailment=lambda: ailment(self.provider.poller_snapshot()),
            ),
            now=now,
        )

    async def run(self) -> None:
        """Play the node until cancelled, or uninstalled. Raises what `Kubelet.run` and the provider's `start` raise."""
        watching: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as group:

            async def prepare() -> None:
                await self.provider.start()
                watching.append(group.create_task(self.provider.run()))

            await self.kubelet.run(prepare)
            for task in watching:
                task.cancel()


@contextmanager
def explained(server: str) -> Iterator[None]:
    """Turn whatever ends the agent, or another command, alone or in groups, into one AgentError."""
    try:
        yield
    except AgentError:
        raise
    except Exception as error:
        causes = list(_causes(error))
        unforeseen = [cause for cause in causes if not isinstance(cause, FORESEEN)]
        for cause in unforeseen:
            log.exception("an unforeseen failure; please report it", exc_info=cause)
        foreseen = [cause for cause in causes if isinstance(cause, FORESEEN)]
        if foreseen:
            raise AgentError(_explain(foreseen[0], server)) from error
        raise AgentError(f"unforeseen failure: {type(unforeseen[0]).__name__}: {unforeseen[0]}") from error


def kubernetes_config(kubeconfig: str) -> SingleConfig:
    """Return how to reach the cluster: the file, else the pod's service account, else ~/.kube/config.

    Raises AgentError when the chosen one is missing or cannot be understood.
    """
    source = "kubeconfig ~/.kube/config"
    # The variable may name several files, as kubectl has it; the first that exists counts.
    paths = [Path(part).expanduser() for part in kubeconfig.split(os.pathsep) if part]
    try:
        if paths:
            path = next((path for path in paths if path.is_file()), paths[0])
            source = f"kubeconfig {path}"
            config = KubeConfig.from_file(path).get()
        elif (SERVICE_ACCOUNT / "token").is_file():
            source = "the pod's service account"
            config = KubeConfig.from_service_account(SERVICE_ACCOUNT).get()
        else:
            config = KubeConfig.from_file("~/.kube/config").get()
    except ConfigError as error:
        raise AgentError(f"no way to the cluster: {error}; give --kubeconfig FILE or set KUBECONFIG") from error
    except Exception as error:
        raise AgentError(f"{source} cannot be understood: {_kubeconfig_fault(error)}") from error
    if config is None or config.user is None:
        raise AgentError(f"{source} names no user for its current context")
    if not is_web_address(config.cluster.server):
        raise AgentError(f"{source}: {config.cluster.server!r} is no URL of an API server")
    return config


@asynccontextmanager
async def saladcloud_client(
    chosen: CheckedSaladCloud,
) -> AsyncIterator[tuple[SaladCloudClient, RequestBudget]]:
    """Open a client of SaladCloud with a budget of its own."""
    budget = RequestBudget(time.monotonic)
    async with SaladCloudClient(
        http_client(user_agent=USER_AGENT),
        api_url=chosen.api_url,
        api_key=chosen.api_key,
        organization=chosen.organization,
        project=chosen.project,
        budget=budget,
    ) as client:
        yield client, budget


@asynccontextmanager
async def _image_configs(registries: AddressPolicy) -> AsyncIterator[ImageConfigs]:
    """Open the look-up of images."""
    async with RegistryClient(registries, LIMITS) as client:
        images = ImageConfigs(client, time.monotonic)
        try:
            yield images
        finally:
            await images.aclose()


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


async def read_cluster_id(cluster: Cluster, extra: str) -> str:
    """Return the id of a cluster from its namespace `kube-system`. Raises ClusterError."""
    kube_system = await cluster.get(Namespace, "kube-system")
    assert kube_system.metadata is not None
    return cluster_id(kube_system.metadata.uid or "", extra)


def _kubeconfig_fault(error: Exception) -> str:
    """Say what is wrong, and where. The whole text of a YAML error would quote the line, which may hold a token."""
    if not isinstance(error, yaml.YAMLError):
        return f"{type(error).__name__}: {error}"
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f"no YAML{f' at line {mark.line + 1}' if mark is not None else ''}"


@asynccontextmanager
async def connected(config: SingleConfig) -> AsyncIterator[Connection]:
    """Open a client of the cluster. Raises AgentError where certificates or credentials cannot be used."""
    try:
        cluster = Cluster.connect(config, user_agent=USER_AGENT)
    except (OSError, ValueError, TypeError, ConfigError, httpx2.InvalidURL) as error:
        raise AgentError(f"the kubeconfig's certificates or credentials cannot be used: {error}") from error
    try:
        yield Connection(config, cluster)
    finally:
        await cluster.aclose()


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error


def _explain(error: BaseException, server: str) -> str:
    match error:
        case ClusterUnreachable():
            return (
                f"the Kubernetes API server at {server} cannot be reached: {error.message}; "
                "check --kubeconfig and the network"
            )
        case ClusterForbidden() if error.status == 401:
            return f"the Kubernetes API server at {server} does not accept the credentials of the kubeconfig"
        case ClusterForbidden():
            return f"the account lacks a right in the cluster: {error.message}; see docs/authentication.md"
        case NotFound():
            return f"SaladCloud: {error}; check the organization, the project and the API's URL"
        case SaladCloudError():
            return f"SaladCloud: {error}"
        case _:
            return str(error)

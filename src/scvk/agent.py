"""The composition root of one node: settings in, a running virtual kubelet out.

Everything that reads the machine (files, environment, clock, signals) is gathered here; below it, all is passed in.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError
from lightkube.resources.core_v1 import Namespace

from scvk import __version__
from scvk.kubelet.address import own_address
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ClusterForbidden, ClusterUnreachable
from scvk.kubelet.kubelet import AgentIdentity, Kubelet
from scvk.kubelet.lease import AgentLeaseLost, AnotherAgent
from scvk.kubelet.node import NodeIdentity, NodeTaken, kubelet_version
from scvk.provider.ownership import cluster_id
from scvk.provider.saladcloud_provider import ProviderIdentity, SaladCloudProvider
from scvk.saladcloud.budget import RequestBudget
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.exchange import http_client
from scvk.settings import AgentSettings, Checked, CheckedSaladCloud, checked, is_web_address

USER_AGENT = f"virtual-kubelet-saladcloud/{__version__}"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")

log = structlog.get_logger(__name__)


class AgentError(Exception):
    """The agent cannot start or go on; the text is one clear line for the operator (exit code 1)."""


@dataclass(frozen=True, slots=True)
class _Connection:
    config: SingleConfig
    cluster: Cluster


async def run_agent(settings: AgentSettings) -> None:
    """Play the node until SIGTERM, SIGINT or cancellation; a stop disturbs no pod.

    Raises SettingsError for wrong options and AgentError for everything that the operator has to mend.
    """
    task = asyncio.current_task()
    assert task is not None
    with stopped_by_signals(task):
        try:
            await play_node(settings)
        except asyncio.CancelledError:
            if task.uncancel() > 0:
                raise
            log.info("stopped; no pod was disturbed")


async def play_node(settings: AgentSettings) -> None:
    """Play the node until cancelled. Raises as `run_agent` does."""
    chosen = checked(settings)
    _warn_of_exposure(settings, chosen)
    config = kubernetes_config(settings.kubeconfig)
    async with _connected(config) as connection, saladcloud_client(chosen.saladcloud) as (client, budget):
        await _run(settings, chosen, connection, client, budget)


async def _run(
    settings: AgentSettings,
    chosen: Checked,
    connection: _Connection,
    client: SaladCloudClient,
    budget: RequestBudget,
) -> None:
    server = urlsplit(connection.config.cluster.server)
    address = settings.kubelet_address or own_address(server.hostname or "127.0.0.1", server.port or 443)
    try:
        version = kubelet_version(await connection.cluster.server_version(), f"scvk-{__version__}")
        kube_system = await connection.cluster.get(Namespace, "kube-system")
        assert kube_system.metadata is not None
        provider = SaladCloudProvider(
            client,
            budget,
            ProviderIdentity(
                cluster_id(kube_system.metadata.uid or "", settings.cluster_id),
                chosen.node_name,
                address,
                chosen.saladcloud.organization,
                chosen.saladcloud.project,
            ),
            now=utc_now,
            monotonic=time.monotonic,
        )
        kubelet = Kubelet(
            connection.cluster,
            provider,
            NodeIdentity(chosen.node_name, address, version, chosen.taints, chosen.labels),
            AgentIdentity(
                f"{socket.gethostname()}_{secrets.token_hex(4)}",
                settings.agent_namespace or connection.config.namespace or "default",
            ),
            now=utc_now,
        )
        async with asyncio.TaskGroup() as group:

            async def prepare() -> None:
                await provider.start()
                group.create_task(provider.run())

            await kubelet.run(prepare)
    except* (ClusterError, SaladCloudError, AnotherAgent, AgentLeaseLost, NodeTaken) as errors:
        raise AgentError(_explain(_first(errors), connection.config.cluster.server)) from errors


def kubernetes_config(kubeconfig: str) -> SingleConfig:
    """Return how to reach the cluster: the file, else the pod's service account, else ~/.kube/config.

    Raises AgentError when the chosen one is missing or cannot be understood.
    """
    source = "kubeconfig ~/.kube/config"
    try:
        if kubeconfig:
            # The variable may name several files, as kubectl has it; the first that exists counts.
            paths = [Path(part).expanduser() for part in kubeconfig.split(os.pathsep) if part]
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
        raise AgentError(f"{source} cannot be understood: {type(error).__name__}: {error}") from error
    if config is None or config.user is None:
        raise AgentError(f"{source} names no user for its current context")
    if not is_web_address(config.cluster.server):
        raise AgentError(f"{source} names no server that could be reached: {config.cluster.server!r} is no URL")
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


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


@asynccontextmanager
async def _connected(config: SingleConfig) -> AsyncIterator[_Connection]:
    try:
        cluster = Cluster.connect(config, user_agent=USER_AGENT)
    except (OSError, ValueError, ConfigError) as error:
        raise AgentError(f"the kubeconfig's certificates or credentials cannot be used: {error}") from error
    try:
        yield _Connection(config, cluster)
    finally:
        await cluster.aclose()


@contextmanager
def stopped_by_signals(task: asyncio.Task[object]) -> Iterator[None]:
    """Cancel `task` on SIGTERM and SIGINT while the block runs; further signals change nothing while it stops."""
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        if task.cancelling():  # a second cancellation would cut the clean-up short; a stop has a deadline of its own
            log.info("stopping already", signal=number.name)
            return
        log.info("stopping", signal=number.name)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _warn_of_exposure(settings: AgentSettings, chosen: Checked) -> None:
    if settings.sce_api_key and os.environ.get("SALAD_CLOUD_API_KEY", "").strip() != chosen.saladcloud.api_key:
        log.warning(
            "the API key was given as a flag: every user of this machine can read it in the process list; "
            "set SALAD_CLOUD_API_KEY or SALAD_CLOUD_API_KEY_FILE instead"
        )
    url = urlsplit(chosen.saladcloud.api_url)
    if url.scheme == "http" and url.hostname not in LOOPBACK_HOSTS:
        log.warning("the API key travels unencrypted: --api-url is http", api_url=chosen.saladcloud.api_url)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


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
        case SaladCloudError():
            return f"SaladCloud: {error}"
        case _:
            return str(error)

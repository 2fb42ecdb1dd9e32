"""A running control plane as one object: etcd, API server, controller manager and scheduler, and kubectl.

    async with Testbed() as testbed:
        await testbed.kubectl("get", "namespaces")

What it starts ends with it, however this process ends: see `scvk.testbed.supervisor`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from scvk.testbed import add_ons, metrics_server
from scvk.testbed.build import build, build_program
from scvk.testbed.cluster import Cluster, PortTakenError
from scvk.testbed.control_plane import Component
from scvk.testbed.errors import TestbedError
from scvk.testbed.kubectl import run_kubectl
from scvk.testbed.ports import free_ports
from scvk.testbed.progress import Report, silent
from scvk.testbed.releases import DEFAULT_VERSION
from scvk.testbed.waiting import Timing

START_ATTEMPTS = 3


class Testbed:
    """A Kubernetes control plane on 127.0.0.1, with RBAC, without nodes.

    Construct it, then `async with`, or `start` and `stop`. `version` is one of `scvk.testbed.RELEASED`; the
    programs are built at need, into `cache` (default: `~/.cache/scvk`). `report` hears of the progress.
    `extra_arguments` are further options for components, and win over the testbed's own:
    `{"kube-controller-manager": ["--node-monitor-grace-period=10s"]}`. `start_timeout_s` seconds are the
    longest that a start may take, the build not counted.

    Bound to no event loop: it may be started in one and used in others, one call at a time.
    """

    __test__ = False  # the name begins like a test class; pytest shall not collect it

    def __init__(
        self,
        version: str = DEFAULT_VERSION,
        *,
        report: Report = silent,
        cache: Path | None = None,
        extra_arguments: Mapping[Component, Sequence[str]] | None = None,
        start_timeout_s: float = 90.0,
        timing: Timing | None = None,
    ) -> None:
        self.version = version.removeprefix("v")
        self._report = report
        self._cache = cache
        self._extra_arguments = dict(extra_arguments or {})
        self._start_timeout_s = start_timeout_s
        self._timing = timing or Timing()
        self._cluster: Cluster | None = None
        self._minted = 0

    async def __aenter__(self) -> Self:
        """Starts it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it."""
        await self.stop()

    @property
    def data(self) -> Path:
        """The directory with everything (mode 0700); removed by `stop`."""
        return self._started.plane.data

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig file (group `system:masters`)."""
        return self._started.plane.kubeconfig("admin")

    @property
    def api_url(self) -> str:
        """Where the API server listens: `https://127.0.0.1:<port>`."""
        return self._started.plane.api_url

    @property
    def ca_certificate(self) -> Path:
        """The cluster's CA certificate (PEM): it signs the API server, its clients, and kubelets."""
        return self._started.plane.certificate("cluster-ca")

    @property
    def kubectl_path(self) -> Path:
        """The program kubectl, of the same release."""
        return self._started.plane.programs / "kubectl"

    def log(self, component: Component) -> Path:
        """The file with all that the component wrote."""
        return self._started.plane.log(component)

    def pid(self, component: Component) -> int | None:
        """The process id of a component, None when it does not run.

        For signals: a stopped (SIGSTOP) API server accepts connections and never answers.
        """
        return self._started.pid(component)

    async def start(self) -> None:
        """Builds at need, starts everything, and returns when pods can be created: after some 5 seconds.

        Raises TestbedError, with nothing left behind, when the build fails, or a component ends or is not
        ready in time.
        """
        if self._cluster is not None:
            raise RuntimeError("the testbed is started already")
        programs = await build(self.version, report=self._report, cache=self._cache)
        taken: PortTakenError | None = None
        for _ in range(START_ATTEMPTS):
            try:
                self._cluster = await Cluster.start(
                    programs,
                    self._extra_arguments,
                    timeout_s=self._start_timeout_s,
                    report=self._report,
                    timing=self._timing,
                )
            except PortTakenError as error:
                taken = error
            else:
                return
        raise TestbedError(
            "start the control plane",
            f"its ports were taken by another program, {START_ATTEMPTS} times in a row",
            "see what listens on ports 20000 to 29999 of 127.0.0.1: `ss -ltnp`",
            str(taken),
        )

    async def stop(self) -> None:
        """Stops everything and removes the data directory. May be called at any time, and again."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            await cluster.stop()

    async def stop_component(self, component: Component) -> None:
        """Stops one component (SIGTERM, after 5 s SIGKILL). Its data and its port stay its own."""
        await self._started.stop_component(component)

    async def start_component(self, component: Component) -> None:
        """Starts a stopped component again, on the same port, and returns when it works.

        Whether etcd works is asked of the API server, if that runs. Raises TestbedError.
        """
        await self._started.start_component(component, self._start_timeout_s)

    async def start_metrics_server(self) -> None:
        """Builds it at need, starts it, and returns when the API server serves `metrics.k8s.io`; ends with the testbed.

        Kubelets are asked every 10 s. Raises TestbedError, also where this machine has no address but loopback ones.
        """
        address = metrics_server.own_address()
        if address is None:
            raise TestbedError(
                "start metrics-server",
                "this machine has no address outside 127.0.0.0/8, and the API server calls it by no other",
                "as root, give it one: `ip address add 10.254.254.254/32 dev lo`, and a route",
            )
        built = await build_program(add_ons.metrics_server(), report=self._report, cache=self._cache)
        (port,) = free_ports(1)
        await self.apply(metrics_server.manifest(address, port))
        kubeconfig = await self.service_account_kubeconfig(metrics_server.NAMESPACE, metrics_server.NAME)
        program = built.path(metrics_server.NAME)
        command = metrics_server.command_line(program, kubeconfig, self.data, address, port)
        await self._started.start_beside(metrics_server.NAME, command)
        await self._started.wait_served(
            metrics_server.NAME, f"/apis/{metrics_server.GROUP_VERSION}/nodes", self._start_timeout_s
        )

    async def kubectl(
        self,
        *arguments: str,
        stdin: str | None = None,
        kubeconfig: Path | None = None,
        timeout_s: float = 60.0,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Runs kubectl as the administrator, or with another kubeconfig; returns code, stdout and stderr.

        Raises TestbedError when it takes longer than `timeout_s`, and, with `check`, when it fails.
        """
        return await run_kubectl(
            self.kubectl_path,
            arguments,
            kubeconfig=kubeconfig or self.kubeconfig,
            cache=self.data / "kubectl-cache",
            stdin=stdin,
            timeout_s=timeout_s,
            check=check,
        )

    async def apply(self, manifest: str) -> None:
        """Runs `kubectl apply -f -` as the administrator, with YAML or JSON. Raises TestbedError."""
        await self.kubectl("apply", "-f", "-", stdin=manifest)

    def user_kubeconfig(self, user: str, groups: Sequence[str] = (), *, namespace: str = "default") -> Path:
        """A new kubeconfig file with a client certificate for that user in those groups, good for a year."""
        cluster = self._started
        return cluster.credentials.admit(cluster.plane, self._new_name(), user, groups, namespace)

    async def service_account_kubeconfig(self, namespace: str, name: str, *, lifetime_s: int = 3600) -> Path:
        """A new kubeconfig file with a token of an existing service account, good for 600 s or more.

        Raises TestbedError.
        """
        cluster = self._started
        made = await self.kubectl("create", "token", name, f"--namespace={namespace}", f"--duration={lifetime_s}s")
        user = f"system:serviceaccount:{namespace}:{name}"
        return cluster.credentials.admit_token(cluster.plane, self._new_name(), user, made.stdout.strip(), namespace)

    async def failure(self) -> TestbedError:
        """Waits while all is well; returns what to say when a component ended and nobody had stopped it."""
        while True:
            error = self._started.failure()
            if error is not None:
                return error
            await self._timing.sleep(0.5)

    @property
    def _started(self) -> Cluster:
        if self._cluster is None:
            raise RuntimeError("the testbed is not started")
        return self._cluster

    def _new_name(self) -> str:
        self._minted += 1
        return f"user-{self._minted}"

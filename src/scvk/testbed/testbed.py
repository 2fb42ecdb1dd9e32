"""A running control plane as one object: etcd, API server, controller manager and scheduler, started and
stopped together.

    async with Testbed() as testbed:
        await testbed.kubectl("get", "namespaces")

What it starts ends with it, however this process ends: see `scvk.testbed.supervisor`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from scvk.testbed.api_calls import ApiCalls
from scvk.testbed.build import Programs, build
from scvk.testbed.control_plane import (
    COMPONENTS,
    KUBELET_CLIENT_USER,
    Component,
    ControlPlane,
    Ports,
    command_line,
)
from scvk.testbed.credentials import Credentials
from scvk.testbed.errors import TestbedError
from scvk.testbed.ports import free_ports
from scvk.testbed.progress import Phase, Progress, Report, silent
from scvk.testbed.releases import DEFAULT_VERSION
from scvk.testbed.supervision import Ended, Running, Supervision
from scvk.testbed.waiting import Timing, wait_until

DATA_PREFIX = "scvk-testbed-"
START_ATTEMPTS = 3
POLL_S = 0.1
LOG_TAIL_LINES = 15

KUBELET_CLIENT_BINDING: dict[str, object] = {
    # kubeadm does the same: without it a kubelet that asks the API server refuses logs and exec to the API
    # server.
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "scvk-testbed:kubelet-api-admin"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "system:kubelet-api-admin",
    },
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": KUBELET_CLIENT_USER}],
}


class _PortTakenError(Exception):
    """Another program listens on a port that was free a moment ago."""


class Testbed:
    """A Kubernetes control plane on 127.0.0.1, with RBAC, without nodes. Construct, then `async with` (or
    `start`, `stop`).

    `version` is one of `scvk.testbed.releases.RELEASED`; the programs are built at need. `report` hears of
    the progress. `extra_arguments` are further options for components (`{"kube-controller-manager":
    ["--node-monitor-period=1s"]}`); they win over the testbed's own. `start_timeout_s` is the time until
    everything has to work, the build not counted.

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
        timing: Timing = Timing(),  # noqa: B008 frozen
    ) -> None:
        self.version = version.removeprefix("v")
        self._report = report
        self._cache = cache
        self._extra_arguments = dict(extra_arguments or {})
        self._start_timeout_s = start_timeout_s
        self._timing = timing
        self._programs: Programs | None = None
        self._supervision: Supervision | None = None
        self._plane: ControlPlane | None = None
        self._credentials: Credentials | None = None
        self._calls: ApiCalls | None = None
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
        """The directory with everything (mode 0700); removed on `stop`."""
        return self._started_plane.data

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig file (group `system:masters`)."""
        return self._started_plane.kubeconfig("admin")

    @property
    def api_url(self) -> str:
        """Where the API server listens: `https://127.0.0.1:<port>`."""
        return self._started_plane.api_url

    @property
    def ca_certificate(self) -> Path:
        """The cluster's CA certificate (PEM file): signs the API server's certificate, its clients' and
        kubelets'.
        """
        return self._started_plane.certificate("cluster-ca")

    @property
    def kubectl_path(self) -> Path:
        """kubectl of the same release."""
        return self._started_plane.programs / "kubectl"

    def log(self, component: Component) -> Path:
        """The file with all that the component wrote."""
        return self._started_plane.log(component)

    def pid(self, component: Component) -> int | None:
        """The process id of a component, for signals (SIGSTOP makes a server that accepts and never answers);
        None if stopped.
        """
        state = self._supervision.state(component) if self._supervision else None
        return state.pid if isinstance(state, Running) else None

    async def start(self) -> None:
        """Builds at need, starts everything and returns when pods can be created: in some 10 seconds.

        Raises TestbedError, with nothing left behind: a build that fails, a component that ends or is not
        ready in time.
        """
        if self._supervision is not None:
            raise RuntimeError("already started")
        self._programs = await build(self.version, report=self._report, cache=self._cache)
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                await self._start_once(self._programs)
            except _PortTakenError as error:
                await self.stop()
                if attempt == START_ATTEMPTS:
                    raise TestbedError(
                        "start the control plane",
                        f"{error}, {attempt} times in a row",
                        "does another program take ports 20000 to 29999 of 127.0.0.1 one after another?",
                    ) from error
            except BaseException:
                await self.stop()
                raise
            else:
                return

    async def stop(self) -> None:
        """Stops everything and removes the data directory. May be called at any time, and again."""
        supervision, self._supervision = self._supervision, None
        self._plane = self._credentials = self._calls = None
        if supervision is not None:
            await supervision.end()

    async def stop_component(self, component: Component) -> None:
        """Stops one component (SIGTERM, after 5 s SIGKILL) and leaves the others alone. Its data and port
        stay its own.
        """
        await self._started.stop_component(component)

    async def start_component(self, component: Component) -> None:
        """Starts a stopped component again, on its port, and returns when it works.

        etcd is waited for through the API server, if that runs. Raises TestbedError when it does not start.
        """
        if self.pid(component) is not None:
            return
        await self._launch(component)
        if component != "etcd" or self.pid("kube-apiserver") is not None:
            await self._wait_healthy(component, self._start_timeout_s)

    async def kubectl(
        self,
        *arguments: str,
        stdin: str | None = None,
        kubeconfig: Path | None = None,
        timeout_s: float = 60.0,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Runs kubectl (as the administrator, or with another kubeconfig) to its end; returns code, stdout
        and stderr.

        Raises TestbedError when it takes longer than `timeout_s`, and, with `check`, when it fails.
        """
        plane = self._started_plane
        command = [str(self.kubectl_path), *arguments]
        process = await asyncio.create_subprocess_exec(
            *command,
            env={
                **os.environ,
                "KUBECONFIG": str(kubeconfig or self.kubeconfig),
                "KUBECACHEDIR": str(plane.data / "kubectl-cache"),
                "KUBERC": "off",  # the user's own preferences
            },
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        step = f"run kubectl {' '.join(arguments)}"
        try:
            async with asyncio.timeout(timeout_s):
                output, errors = await process.communicate(None if stdin is None else stdin.encode())
        except BaseException as error:
            if process.returncode is None:
                process.kill()
                await process.wait()
            if isinstance(error, TimeoutError):
                raise TestbedError(step, f"no end after {timeout_s:g} s", "does the API server run?") from error
            raise
        assert process.returncode is not None
        if check and process.returncode != 0:
            raise TestbedError(
                step,
                f"exit code {process.returncode}",
                "see what kubectl says",
                errors.decode(errors="replace").rstrip(),
            )
        return subprocess.CompletedProcess(
            command, process.returncode, output.decode(errors="replace"), errors.decode(errors="replace")
        )

    async def apply(self, manifest: str) -> None:
        """`kubectl apply -f -` as the administrator: YAML or JSON, any number of objects. Raises
        TestbedError.
        """
        await self.kubectl("apply", "-f", "-", stdin=manifest)

    def user_kubeconfig(self, user: str, groups: Sequence[str] = (), *, namespace: str = "default") -> Path:
        """A new kubeconfig file with a client certificate for that user and those groups, good for a year."""
        return self._credentials_of_start.admit(self._started_plane, self._new_name(), user, groups, namespace)

    async def service_account_kubeconfig(self, namespace: str, name: str, *, lifetime_s: int = 3600) -> Path:
        """A new kubeconfig file with a token of an existing service account (at least 600 s). Raises
        TestbedError.
        """
        made = await self.kubectl("create", "token", name, f"--namespace={namespace}", f"--duration={lifetime_s}s")
        return self._credentials_of_start.admit_token(
            self._started_plane, self._new_name(), f"{namespace}:{name}", made.stdout.strip(), namespace
        )

    async def failure(self) -> TestbedError:
        """Waits for as long as everything works; returns what to say when a component ended by itself."""
        while True:
            error = self._ended_error()
            if error is not None:
                return error
            await self._timing.sleep(0.5)

    @property
    def _started(self) -> Supervision:
        if self._supervision is None:
            raise RuntimeError("the testbed is not started")
        return self._supervision

    @property
    def _started_plane(self) -> ControlPlane:
        if self._plane is None:
            raise RuntimeError("the testbed is not started")
        return self._plane

    @property
    def _credentials_of_start(self) -> Credentials:
        if self._credentials is None:
            raise RuntimeError("the testbed is not started")
        return self._credentials

    def _new_name(self) -> str:
        self._minted += 1
        return f"user-{self._minted}"

    async def _start_once(self, programs: Programs) -> None:
        self._supervision = Supervision(DATA_PREFIX, self._timing)
        await self._supervision.start()
        deadline = self._timing.clock() + self._start_timeout_s
        ports = Ports(*free_ports(5))
        plane = ControlPlane(self._supervision.data, programs.directory, ports, self._extra_arguments)
        self._plane = plane
        self._report(Progress(Phase.CERTIFICATES))
        self._credentials = Credentials(datetime.now(UTC))
        self._credentials.write(plane)
        plane.log("etcd").parent.mkdir(mode=0o700)
        self._calls = calls = ApiCalls(plane.certificate("cluster-ca"), plane.certificate("admin"), plane.key("admin"))

        def left_s() -> float:
            return max(0.0, deadline - self._timing.clock())

        # The API server waits for etcd by itself. The other two give up after 10 s without a healthy API
        # server.
        self._report(Progress(Phase.START, "etcd and kube-apiserver", 0, len(COMPONENTS)))
        await self._launch("etcd")
        await self._launch("kube-apiserver")
        await self._wait_healthy("kube-apiserver", left_s())
        self._report(Progress(Phase.START, "kube-controller-manager and kube-scheduler", 2, len(COMPONENTS)))
        await self._launch("kube-controller-manager")
        await self._launch("kube-scheduler")

        async def bound() -> bool:
            bindings = f"{plane.api_url}/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
            return await calls.create(bindings, KUBELET_CLIENT_BINDING)

        async def service_account() -> bool:
            # Admission refuses every pod before its namespace has this account; the controller manager makes
            # it.
            return await calls.get(f"{plane.api_url}/api/v1/namespaces/default/serviceaccounts/default") == 200

        await self._wait("kube-apiserver", bound, left_s(), "it does not take a ClusterRoleBinding")
        await self._wait_healthy("kube-controller-manager", left_s())
        await self._wait_healthy("kube-scheduler", left_s())
        await self._wait(
            "kube-controller-manager",
            service_account,
            left_s(),
            "it does not make the default service account",
        )
        self._report(Progress(Phase.READY, plane.api_url))

    async def _launch(self, component: Component) -> None:
        plane = self._started_plane
        await self._started.start_component(component, command_line(plane, component), plane.log(component))

    async def _wait_healthy(self, component: Component, timeout_s: float) -> None:
        calls, url = self._calls, self._started_plane.health_url(component)
        assert calls is not None

        async def healthy() -> bool:
            return await calls.get(url) == 200

        await self._wait(component, healthy, timeout_s, "it is not healthy")

    async def _wait(self, component: Component, condition: object, timeout_s: float, otherwise: str) -> None:
        async def holds() -> bool:
            error = self._ended_error()
            if error is not None:
                raise error
            assert callable(condition)
            return bool(await condition())

        if not await wait_until(holds, timeout_s, POLL_S, self._timing):
            raise TestbedError(
                f"start {component}",
                f"{otherwise} after {timeout_s:.0f} s",
                "a machine with less to do is quicker; the time is `start_timeout_s`",
                self._log_tail(component),
            )

    def _ended_error(self) -> TestbedError | None:
        for name, ended in self._started.ended_by_itself().items():
            component = next(known for known in COMPONENTS if known == name)
            tail = self._log_tail(component)
            if "address already in use" in tail:
                raise _PortTakenError(f"a port of {component} was taken by another program")
            return _ended_early(component, ended, tail)
        return None

    def _log_tail(self, component: Component) -> str:
        try:
            lines = self._started_plane.log(component).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(line[:500] for line in lines[-LOG_TAIL_LINES:])


def _ended_early(component: Component, ended: Ended, tail: str) -> TestbedError:
    if ended.code < 0:
        cause = f"it was ended by signal {-ended.code}"
        remedy = "did somebody kill it, or did the machine run out of memory? (`dmesg` says so)"
    else:
        cause, remedy = f"it ended with exit code {ended.code}", "its own last words are above"
    return TestbedError(f"keep {component} running", cause, remedy, tail)

"""One start of a control plane, from an empty directory to the first pod that can be created, and its end.

The order: etcd and the API server at once (it waits for etcd by itself); when the API server is ready the
other two, which give up when they see no healthy API server for 10 s; then all that admission needs before it
accepts a pod.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from scvk.testbed.api_calls import ApiCalls
from scvk.testbed.build import Programs
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
from scvk.testbed.progress import Phase, Progress, Report
from scvk.testbed.supervision import Ended, Running, Supervision
from scvk.testbed.waiting import Timing, wait_until

DATA_PREFIX = "scvk-testbed-"
POLL_S = 0.1
LOG_TAIL_LINES = 15
OK = 200

KUBELET_CLIENT_BINDING: dict[str, object] = {
    # kubeadm does the same: a kubelet that asks the API server refuses it logs and exec without this.
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


class PortTakenError(Exception):
    """Another program listens on a port that was free a moment ago. Start again, with other ports."""


class Cluster:
    """A control plane that was started. Made by `Cluster.start`; ended by `stop`."""

    def __init__(self, supervision: Supervision, plane: ControlPlane, credentials: Credentials, timing: Timing) -> None:
        self.plane = plane
        self.credentials = credentials
        self._supervision = supervision
        self._timing = timing
        self._calls = ApiCalls(plane.certificate("cluster-ca"), plane.certificate("admin"), plane.key("admin"))

    @classmethod
    async def start(
        cls,
        programs: Programs,
        extra_arguments: Mapping[Component, Sequence[str]],
        *,
        timeout_s: float,
        report: Report,
        timing: Timing,
    ) -> Cluster:
        """Starts everything and returns when pods can be created.

        Raises TestbedError or PortTakenError, with nothing left behind.
        """
        supervision = Supervision(DATA_PREFIX, timing)
        try:
            await supervision.start()
            report(Progress(Phase.CERTIFICATES))
            plane = ControlPlane(supervision.data, programs.directory, Ports(*free_ports(5)), extra_arguments)
            credentials = Credentials(datetime.now(UTC))
            credentials.write(plane)
            (plane.data / "log").mkdir(mode=0o700)
            cluster = cls(supervision, plane, credentials, timing)
            await cluster._boot(timeout_s, report)
        except BaseException as error:
            await supervision.end()
            if isinstance(error, TestbedError) and "address already in use" in error.output:
                raise PortTakenError(str(error)) from error
            raise
        return cluster

    async def stop(self) -> None:
        """Stops everything and removes the data directory."""
        await self._supervision.end()

    def pid(self, component: Component) -> int | None:
        """The process id of a component; None when it does not run."""
        state = self._supervision.state(component)
        return state.pid if isinstance(state, Running) else None

    async def stop_component(self, component: Component) -> None:
        """Stops one component and leaves the others alone."""
        await self._supervision.stop_component(component)

    async def start_component(self, component: Component, timeout_s: float) -> None:
        """Starts a component and waits until it works, etcd only where a running API server can say so."""
        if self.pid(component) is not None:
            return
        await self._launch(component)
        if component != "etcd" or self.pid("kube-apiserver") is not None:
            await self._wait_healthy(component, timeout_s)

    async def start_beside(self, name: str, command: Sequence[str]) -> None:
        """Starts another program that shall end with the control plane; its output goes to `log/NAME.log`.

        Raises TestbedError when it cannot be run.
        """
        await self._supervision.start_component(name, command, self.plane.data / "log" / f"{name}.log")

    async def wait_served(self, name: str, path: str, timeout_s: float) -> None:
        """Waits until the API server answers `path` with 200. Raises TestbedError, with what program `name` wrote."""

        async def served() -> bool:
            if isinstance(ended := self._supervision.state(name), Ended):
                raise _ended_early(name, ended, self._log_tail(name))
            return await self._calls.get(f"{self.plane.api_url}{path}") == OK

        await self._wait(name, served, timeout_s, f"the API server does not serve {path}")

    def failure(self) -> TestbedError | None:
        """What to say when a component ended by itself; None when all is well."""
        for component in COMPONENTS:
            ended = self._supervision.state(component)
            if isinstance(ended, Ended) and not ended.expected:
                return _ended_early(component, ended, self._log_tail(component))
        return None

    async def _boot(self, timeout_s: float, report: Report) -> None:
        deadline = self._timing.clock() + timeout_s

        def left_s() -> float:
            return max(0.0, deadline - self._timing.clock())

        report(Progress(Phase.START, "etcd and kube-apiserver"))
        await self._launch("etcd")
        await self._launch("kube-apiserver")
        await self._wait_healthy("kube-apiserver", left_s())
        report(Progress(Phase.START, "kube-controller-manager and kube-scheduler"))
        await self._launch("kube-controller-manager")
        await self._launch("kube-scheduler")

        async def bound() -> bool:
            bindings = f"{self.plane.api_url}/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
            return await self._calls.create(bindings, KUBELET_CLIENT_BINDING)

        async def service_account_there() -> bool:
            # Admission refuses every pod before its namespace has this; the controller manager makes it.
            accounts = f"{self.plane.api_url}/api/v1/namespaces/default/serviceaccounts"
            return await self._calls.get(f"{accounts}/default") == OK

        await self._wait("kube-apiserver", bound, left_s(), "it takes no ClusterRoleBinding")
        await self._wait_healthy("kube-controller-manager", left_s())
        await self._wait_healthy("kube-scheduler", left_s())
        await self._wait(
            "kube-controller-manager", service_account_there, left_s(), "it makes no default service account"
        )
        report(Progress(Phase.READY, self.plane.api_url))

    async def _launch(self, component: Component) -> None:
        command = command_line(self.plane, component)
        await self._supervision.start_component(component, command, self.plane.log(component))

    async def _wait_healthy(self, component: Component, timeout_s: float) -> None:
        url = self.plane.health_url(component)

        async def healthy() -> bool:
            return await self._calls.get(url) == OK

        await self._wait(component, healthy, timeout_s, "it is not healthy")

    async def _wait(
        self, component: str, condition: Callable[[], Awaitable[bool]], timeout_s: float, otherwise: str
    ) -> None:
        async def holds() -> bool:
            error = self.failure()
            if error is not None:
                raise error
            return await condition()

        if not await wait_until(holds, timeout_s, POLL_S, self._timing):
            raise TestbedError(
                f"start {component}",
                f"{otherwise} after {timeout_s:.0f} s",
                "is the machine busy with something else? `start_timeout_s` is how long it may take",
                self._log_tail(component),
            )

    def _log_tail(self, component: str) -> str:
        try:
            lines = (
                (self.plane.data / "log" / f"{component}.log")
                .read_text(encoding="utf-8", errors="replace")
                .splitlines()
            )
        except OSError:
            return ""
        return "\n".join(line[:500] for line in lines[-LOG_TAIL_LINES:])


def _ended_early(component: str, ended: Ended, tail: str) -> TestbedError:
    step = f"keep {component} running"
    if ended.code < 0:
        return TestbedError(
            step,
            f"it was ended by signal {-ended.code}",
            "did somebody kill it, or did memory run out? (`dmesg` says so)",
            tail,
        )
    return TestbedError(step, f"it ended with exit code {ended.code}", "its own last words are above", tail)

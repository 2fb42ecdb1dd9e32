"""The launcher's own namespaces and the ways from there into those of the instances; none of it without isolation."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from functools import partial

from scvk.simulator.launcher import isolation, kernel, metadata_link, trial
from scvk.simulator.launcher.programs import Child, Program, exit_status, fork_program

_PLAIN_WARNING = (
    "programs run as plain processes; they see and may change the host's files, share its network (two "
    "cannot listen on one port), see its processes and carry its host name"
)


class Namespaces:
    """`isolated` is known after `choose`; `target` is always the first process of an instance."""

    def __init__(self) -> None:
        self.isolated = False
        self._has_metadata = False
        self._own: dict[str, int] = {}

    def choose(self, mode: str) -> tuple[list[str], str]:
        """Isolate as `mode` (`auto`, `namespaces`, `none`) asks and the machine allows.

        What is not isolated, and why nothing may be started at all: empty when all is well.
        """
        if mode == "none":
            return ["isolation is switched off: " + _PLAIN_WARNING], ""
        complaint = trial.complaint_about(self._try_out)
        if complaint and mode == "namespaces":
            return [], complaint
        if complaint:
            return [f"no isolation on this machine ({complaint}): {_PLAIN_WARNING}"], ""
        self._enter_own()
        complaint = trial.complaint_about(_try_out_metadata)
        self._has_metadata = not complaint
        return ([f"instances have no metadata service: {complaint}"] if complaint else []), ""

    def _enter_own(self) -> None:
        """Raises OSError."""
        if os.geteuid() != 0:
            isolation.become_root_of_a_user_namespace()
        for name, _ in (*isolation.ENTERED, ("pid", 0)):
            self._own[name] = os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
        self.isolated = True

    def _try_out(self) -> None:
        """Build one root and run a program in it. Raises OSError with what the kernel refused."""
        self._enter_own()
        build = partial(isolation.build, "trial", {}, 64, 16)
        sink = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        program = Program(["true"], {"PATH": os.defpath}, "/")
        child = self.fork(partial(fork_program, program, sink, build), None)
        with os.fdopen(child.status_fd, "rb") as status:
            failure = status.read()
        _, wait_status = os.waitpid(child.pid, 0)
        if failure:
            raise OSError(json.loads(failure))
        if wait_status != 0:
            raise OSError(f"a trial program ended with status {exit_status(wait_status)}")

    def fork(self, fork: Callable[..., Child], target: int | None) -> Child:
        """Fork into a new PID namespace, or into that of `target`. Raises OSError."""
        if not self.isolated:
            return fork(isolated=False)
        if target is None:
            kernel.unshare(kernel.CLONE_NEWPID)
        else:
            _join(target, "pid", kernel.CLONE_NEWPID)
        try:
            return fork(isolated=True)
        finally:
            # The next child must not land in this one's namespace.
            kernel.setns(self._own["pid"], kernel.CLONE_NEWPID)

    def entry(self, target: int) -> Callable[[], None]:
        """What a child must do to be in the instance."""
        return partial(isolation.enter, target) if self.isolated else stay

    def open_socket(self, target: int, family: int, kind: int) -> socket.socket:
        """A socket belongs to the network namespace it was made in, whoever uses it later. Raises OSError."""
        if not self.isolated:
            return socket.socket(family, kind)
        _join(target, "net", kernel.CLONE_NEWNET)
        try:
            return socket.socket(family, kind)
        finally:
            kernel.setns(self._own["net"], kernel.CLONE_NEWNET)

    def open_terminal(self, target: int) -> tuple[int, int, int]:
        """A pseudo-terminal of the instance's own, which its programs can find by its name.

        Descriptors of both ends, and its number there. Raises OSError.
        """
        root = f"/proc/{target}/root" if self.isolated else ""
        return kernel.open_terminal(f"{root}/dev/pts/ptmx")

    def listen_for_metadata(self) -> tuple[socket.socket, int] | None:
        """The listening socket of one metadata service, and its network namespace; None where there is none."""
        if not self._has_metadata:
            return None
        try:
            return metadata_link.listen_apart()
        finally:
            kernel.setns(self._own["net"], kernel.CLONE_NEWNET)


def stay() -> None:
    """A plain process needs no preparation."""


def _join(target: int, name: str, kind: int) -> None:
    """Raises OSError when it is gone."""
    namespace = os.open(f"/proc/{target}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        kernel.setns(namespace, kind)
    finally:
        os.close(namespace)


def _try_out_metadata() -> None:
    """Raises OSError with what the kernel refused."""
    _, namespace = metadata_link.listen_apart()
    kernel.unshare(kernel.CLONE_NEWNET)
    metadata_link.connect(namespace)

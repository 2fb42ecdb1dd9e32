"""The launcher's loop: one thread, one control socket, children."""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from scvk.simulator.launcher import isolation, kernel, metadata_link, trial, usage, users, wire
from scvk.simulator.launcher.limits import Limit, LimitWatch, layer_mib
from scvk.simulator.launcher.programs import (
    Child,
    Program,
    end_all_children,
    exit_status,
    fork_program,
    kill_marked,
)
from scvk.simulator.launcher.scratch import Scratch
from scvk.simulator.launcher.sessions import Login, fork_session


def main(control_fd: int, isolation_mode: str) -> int:
    """Serve until the control socket ends; `isolation_mode` is `auto`, `namespaces` or `none`."""
    os.set_inheritable(control_fd, False)  # it is ours alone: no program may have it
    control = socket.socket(fileno=control_fd)
    scratch = Scratch()
    launcher = Launcher(control, isolation_mode, scratch)
    try:
        launcher.run()
    finally:
        end_all_children()
        scratch.remove()
    return 0


class Launcher:
    """Holds the children by the ids that the simulator gave them."""

    def __init__(self, control: socket.socket, isolation_mode: str, scratch: Scratch) -> None:
        self._scratch = scratch
        self._control = control
        self._mode = isolation_mode
        self._isolated = False
        self._own_namespaces: dict[str, int] = {}
        self._starting: dict[int, Child] = {}
        self._pids: dict[int, int] = {}
        self._ids: dict[int, int] = {}
        self._markers: dict[int, str] = {}
        self._visitors: set[int] = set()
        self._has_metadata = False
        self._users: dict[int, str] = {}
        self._selector = selectors.DefaultSelector()
        self._limits = LimitWatch(time.monotonic)

    def run(self) -> None:
        """Serve until end of file."""
        kernel.become_subreaper()
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # The simulator decides about the end; a Ctrl-C in its terminal must leave it the time for an
        # orderly one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        report, refusal = self._choose_isolation()
        wire.send(self._control, {"event": "hello", "isolated": self._isolated, "report": report, "refusal": refusal})
        decoder = wire.Decoder()
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(wake_read, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select(self._limits.pause_s()):
                if key.fileobj is self._control:
                    data, fds = wire.receive(self._control)
                    if not data:
                        return
                    for fd in fds or ():
                        os.set_inheritable(fd, False)
                    for message, message_fds in decoder.feed(data, fds):
                        self._serve(message, message_fds)
                elif key.fd == wake_read:
                    os.read(wake_read, 4096)
                    self._reap()
                elif key.data is not None and key.data in self._starting:
                    self._learn_start(key.data)
            for number, limit in self._limits.look():
                self._enforce(number, limit)

    def _enforce(self, number: int, limit: Limit) -> None:
        if limit is Limit.MEMORY:
            self._signal(number, signal.SIGKILL)
        else:
            self._say({"event": "disk-exceeded", "id": number})

    # --- which isolation ---

    def _choose_isolation(self) -> tuple[list[str], str]:
        """What is not isolated, and why nothing may be started at all: empty when all is well."""
        if self._mode == "none":
            return ["isolation is switched off: " + _PLAIN_WARNING], ""
        complaint = trial.complaint_about(self._try_out)
        if complaint and self._mode == "namespaces":
            return [], complaint
        if complaint:
            return [f"no isolation on this machine ({complaint}): {_PLAIN_WARNING}"], ""
        self._enter_namespaces()
        complaint = trial.complaint_about(self._try_out_metadata)
        self._has_metadata = not complaint
        return ([f"instances have no metadata service: {complaint}"] if complaint else []), ""

    def _enter_namespaces(self) -> None:
        """Raises OSError."""
        if os.geteuid() != 0:
            isolation.become_root_of_a_user_namespace()
        for name, _ in (*isolation.ENTERED, ("pid", 0)):
            self._own_namespaces[name] = os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
        self._isolated = True

    def _try_out(self) -> None:
        """Build one root and run a program in it. Raises OSError with what the kernel refused."""
        self._enter_namespaces()
        build = partial(isolation.build, "trial", {}, 64, 16)
        sink = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        program = Program(["true"], {"PATH": os.defpath}, "/")
        child = self._fork(partial(fork_program, program, sink, build), None)
        with os.fdopen(child.status_fd, "rb") as status:
            failure = status.read()
        _, wait_status = os.waitpid(child.pid, 0)
        if failure:
            raise OSError(json.loads(failure))
        if wait_status != 0:
            raise OSError(f"a trial program ended with status {exit_status(wait_status)}")

    def _try_out_metadata(self) -> None:
        """Raises OSError with what the kernel refused."""
        _, namespace = metadata_link.listen_apart()
        kernel.unshare(kernel.CLONE_NEWNET)
        metadata_link.connect(namespace)

    # --- requests ---

    def _serve(self, message: wire.Message, fds: list[int]) -> None:
        number = int(message["id"])
        if len(fds) < message.get("fds", 0):
            self._say({"event": "failed", "id": number, "message": os.strerror(errno.EMFILE)})
            return
        try:
            match message["op"]:
                case "start":
                    self._start(number, message, fds[0])
                case "exec":
                    self._exec(number, message, fds[0])
                case "session":
                    self._start_session(number, message, fds)
                case "signal":
                    self._signal(number, int(message["signal"]))
                case "socket":
                    self._open_socket(number, message)
                case "terminal":
                    self._open_terminal(number, message)
                case "usage":
                    cpu_s, memory_mib = self._limits.measure(int(message["target"]))
                    self._say({"event": "usage", "id": number, "cpu_s": cpu_s, "memory_mib": memory_mib})
                case _:
                    self._say({"event": "failed", "id": number, "message": "unknown request"})
        except OSError as error:
            self._say({"event": "failed", "id": number, "message": str(error)})
        finally:
            for fd in fds:
                os.close(fd)

    def _start(self, number: int, message: wire.Message, output_fd: int) -> None:
        if not message["argv"]:
            raise OSError("there is nothing to run: neither a command nor ENTRYPOINT or CMD of the image")
        program = Program(message["argv"], message["env"], message["cwd"])
        if self._isolated:
            self._start_isolated(number, program, message, output_fd)
            return
        if message["needs_root"]:
            raise OSError(
                "the image has a root of its own, which needs isolation: this machine or --isolation none has none"
            )
        if message["files"]:
            place = self._scratch.lay(str(number), message["files"])
            message["env"]["PATH"] = f"{place}:{message['env'].get('PATH', os.defpath)}"
        self._markers[number] = message["env"].get(_INSTANCE_MARK, "")
        child = self._fork(partial(fork_program, program, output_fd, _nothing), None)
        self._watch(number, child)
        self._limits.add(number, child.pid, message["memory_mib"], None)

    def _start_isolated(self, number: int, program: Program, message: wire.Message, output_fd: int) -> None:
        build = partial(
            isolation.build,
            message["hostname"],
            message["files"],
            message["shm_mib"],
            layer_mib(message["disk_mib"], usage.machine_mib()),
            message["root"],
        )
        self._users[number] = message["user"]
        metadata = self._listen_for_metadata(number)

        def go_inside() -> None:
            build()
            if metadata is not None:
                metadata_link.connect(metadata)

        prepare = partial(_settle, go_inside, message["cwd"], message["user"])
        try:
            child = self._fork(partial(fork_program, program, output_fd, prepare), None)
        finally:
            if metadata is not None:
                os.close(metadata)
        self._watch(number, child)
        self._limits.add(number, child.pid, message["memory_mib"], message["disk_mib"])

    def _exec(self, number: int, message: wire.Message, output_fd: int) -> None:
        target = self._running(message)
        program = Program(message["argv"], message["env"], message["cwd"])
        prepare = self._entry(target)
        if self._isolated:
            user = self._users.get(int(message["target"]), "")
            prepare = partial(_settle, prepare, None, user)
        self._visit(number, message, self._fork(partial(fork_program, program, output_fd, prepare), target))

    def _start_session(self, number: int, message: wire.Message, fds: list[int]) -> None:
        target = self._running(message)
        env, home = dict(message["env"]), None
        if not self._isolated:
            # Without namespaces there is no other way to find what a session leaves behind.
            env[_SESSION_MARK] = message["instance_id"]
            # Not this machine's own home: neither its dotfiles nor what a client puts there are meant.
            home = str(self._scratch.folder(f"home-{message['instance_id']}"))
        login = Login(message["kind"], message["command"], env, message["terminal"], home)
        streams = (fds[0], fds[1], fds[2])
        self._visit(number, message, self._fork(partial(fork_session, login, streams, self._entry(target)), target))

    def _visit(self, number: int, message: wire.Message, child: Child) -> None:
        """A session or a check: what it uses counts as the instance's, and signals go to its whole process group."""
        self._watch(number, child)
        self._visitors.add(number)
        self._limits.join(int(message["target"]), child.pid)

    def _running(self, message: wire.Message) -> int:
        """The first process of the instance that a request names. Raises OSError when it is gone."""
        target = self._pids.get(int(message["target"]))
        if target is None:
            raise OSError("the instance does not run")
        return target

    def _entry(self, target: int) -> Callable[[], None]:
        """What a child must do to be in the instance."""
        return partial(isolation.enter, target) if self._isolated else _nothing

    def _fork(self, fork: Callable[..., Child], target: int | None) -> Child:
        """Fork into a new PID namespace, or into that of `target`."""
        if not self._isolated:
            return fork(isolated=False)
        if target is None:
            kernel.unshare(kernel.CLONE_NEWPID)
        else:
            namespace = os.open(f"/proc/{target}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
            try:
                kernel.setns(namespace, kernel.CLONE_NEWPID)
            finally:
                os.close(namespace)
        try:
            return fork(isolated=True)
        finally:
            # The next child must not land in this one's namespace.
            kernel.setns(self._own_namespaces["pid"], kernel.CLONE_NEWPID)

    def _watch(self, number: int, child: Child) -> None:
        self._starting[number] = child
        self._pids[number] = child.pid
        self._ids[child.pid] = number
        self._selector.register(child.status_fd, selectors.EVENT_READ, number)

    def _signal(self, number: int, signal_number: int) -> None:
        pid = self._pids.get(number)
        if pid is None:
            return
        if number in self._visitors:
            # As sshd does it, so that a shell and its command both get it.
            try:
                os.killpg(pid, signal_number)
            except ProcessLookupError:
                os.kill(pid, signal_number)  # it has only been forked, and does not lead a group yet
        else:
            os.kill(pid, signal_number)
            if signal_number == signal.SIGKILL and number in self._markers:
                kill_marked(f"{_INSTANCE_MARK}={self._markers[number]}")

    def _open_socket(self, number: int, message: wire.Message) -> None:
        """A socket belongs to the network namespace it was made in, whoever uses it later."""
        target = self._running(message)
        if not self._isolated:
            sock = socket.socket(message["family"], message["kind"])
        else:
            namespace = os.open(f"/proc/{target}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                kernel.setns(namespace, kernel.CLONE_NEWNET)
            finally:
                os.close(namespace)
            try:
                sock = socket.socket(message["family"], message["kind"])
            finally:
                kernel.setns(self._own_namespaces["net"], kernel.CLONE_NEWNET)
        with sock:
            self._say({"event": "socket", "id": number}, (sock.fileno(),))

    def _open_terminal(self, number: int, message: wire.Message) -> None:
        """A pseudo-terminal of the instance's own, which its programs can find by its name."""
        target = self._running(message)
        root = f"/proc/{target}/root" if self._isolated else ""
        master, slave, index = kernel.open_terminal(f"{root}/dev/pts/ptmx")
        try:
            self._say({"event": "terminal", "id": number, "name": f"/dev/pts/{index}"}, (master, slave))
        finally:
            os.close(master)
            os.close(slave)

    def _listen_for_metadata(self, number: int) -> int | None:
        """Hand the listening socket of an instance's metadata service out; its namespace, None without one."""
        if not self._has_metadata:
            return None
        try:
            listener, namespace = metadata_link.listen_apart()
        finally:
            kernel.setns(self._own_namespaces["net"], kernel.CLONE_NEWNET)
        with listener:
            self._say({"event": "metadata", "id": number}, (listener.fileno(),))
        return namespace

    # --- what children do ---

    def _learn_start(self, number: int) -> None:
        child = self._starting.pop(number)
        self._selector.unregister(child.status_fd)
        with os.fdopen(child.status_fd, "rb") as status:
            complaint = status.read()
        if complaint:
            self._forget(child.pid)
            self._say({"event": "failed", "id": number, "message": json.loads(complaint)})
        else:
            self._limits.begin(number)
            self._say({"event": "started", "id": number, "pid": child.pid})

    def _reap(self) -> None:
        while True:
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._ids.get(pid)
            if number is None:
                continue  # an orphan that a program without PID namespace left, or a start that failed
            if number in self._starting:
                self._learn_start(number)
                if pid not in self._ids:
                    continue  # it was the failure of the start
            marker = self._markers.get(number)
            if marker is not None:
                kill_marked(f"{_INSTANCE_MARK}={marker}")
                kill_marked(f"{_SESSION_MARK}={marker}")
            self._forget(pid)
            ended_by = os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else 0
            status = exit_status(wait_status)
            self._say({"event": "exited", "id": number, "status": status, "signal": ended_by})

    def _forget(self, pid: int) -> None:
        number = self._ids.pop(pid)
        self._pids.pop(number, None)
        self._limits.remove(number)
        self._limits.leave(pid)
        self._markers.pop(number, None)
        self._visitors.discard(number)
        self._users.pop(number, None)

    def _say(self, message: wire.Message, fds: tuple[int, ...] = ()) -> None:
        try:
            wire.send(self._control, message, fds)
        except OSError:
            pass  # the simulator is gone; the next receive says so, and everything ends


# Variables by whose value the processes of an instance are found where there is no PID namespace.
_INSTANCE_MARK = "SALAD_INSTANCE_ID"
_SESSION_MARK = "SCVK_SIMULATOR_SESSION_OF"
_PLAIN_WARNING = (
    "programs run as plain processes; they see and may change the host's files, share its network (two "
    "cannot listen on one port), see its processes and carry its host name"
)


def _settle(go_inside: Callable[[], None], cwd: str | None, user: str) -> None:
    """Go inside, make the directory that the program begins in, and be the image's user: root may do the rest."""
    go_inside()
    if cwd is not None:
        Path(cwd).mkdir(parents=True, exist_ok=True)
    if user:
        kernel.limit_capabilities(isolation.CAPABILITIES)  # a program of another user could get them back (setuid)
        users.become(user)


def _nothing() -> None:
    """A plain process needs no preparation."""

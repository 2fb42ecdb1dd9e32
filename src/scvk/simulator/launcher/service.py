"""The launcher's loop: one thread, one control socket, children."""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import socket
import time
from functools import partial

from scvk.simulator.launcher import isolation, kernel, metadata_link, usage, wire
from scvk.simulator.launcher.limits import Limit, LimitWatch, layer_mib
from scvk.simulator.launcher.namespaces import Namespaces, stay
from scvk.simulator.launcher.programs import (
    INSTANCE_MARK,
    SESSION_MARK,
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
        self._namespaces = Namespaces()
        self._starting: dict[int, Child] = {}
        self._pids: dict[int, int] = {}
        self._ids: dict[int, int] = {}
        self._markers: dict[int, str] = {}
        self._visitors: set[int] = set()
        self._users: dict[int, str] = {}
        self._selector = selectors.DefaultSelector()
        self._limits = LimitWatch(time.monotonic)

    def run(self) -> None:
        """Serve until end of file."""
        kernel.become_subreaper()
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # The simulator decides about the end; a Ctrl-C in its terminal must leave it the time for an orderly one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        report, refusal = self._namespaces.choose(self._mode)
        hello = {"event": "hello", "isolated": self._namespaces.isolated, "report": report, "refusal": refusal}
        wire.send(self._control, hello)
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
        if self._namespaces.isolated:
            self._start_isolated(number, program, message, output_fd)
            return
        if message["needs_root"]:
            raise OSError("the image has a root of its own, which needs isolation, and there is none here")
        if message["files"]:
            place = self._scratch.lay(str(number), message["files"])
            message["env"]["PATH"] = f"{place}:{message['env'].get('PATH', os.defpath)}"
        self._markers[number] = message["env"].get(INSTANCE_MARK, "")
        child = self._namespaces.fork(partial(fork_program, program, output_fd, stay), None)
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
        metadata = None
        if listening := self._namespaces.listen_for_metadata():
            listener, metadata = listening
            with listener:
                self._say({"event": "metadata", "id": number}, (listener.fileno(),))

        def go_inside() -> None:
            build()
            if metadata is not None:
                metadata_link.connect(metadata)

        prepare = partial(isolation.settle, go_inside, message["cwd"], message["user"])
        try:
            child = self._namespaces.fork(partial(fork_program, program, output_fd, prepare), None)
        finally:
            if metadata is not None:
                os.close(metadata)
        self._watch(number, child)
        self._limits.add(number, child.pid, message["memory_mib"], message["disk_mib"])

    def _exec(self, number: int, message: wire.Message, output_fd: int) -> None:
        target, program = self._running(message), Program(message["argv"], message["env"], message["cwd"])
        prepare = self._namespaces.entry(target)
        if self._namespaces.isolated:
            user = self._users.get(int(message["target"]), "")
            prepare = partial(isolation.settle, prepare, None, user)
        self._visit(number, message, self._namespaces.fork(partial(fork_program, program, output_fd, prepare), target))

    def _start_session(self, number: int, message: wire.Message, fds: list[int]) -> None:
        target = self._running(message)
        env, home = dict(message["env"]), None
        if not self._namespaces.isolated:
            # Without namespaces there is no other way to find what a session leaves behind.
            env[SESSION_MARK] = message["instance_id"]
            # Not this machine's own home: neither its dotfiles nor what a client puts there are meant.
            home = str(self._scratch.folder(f"home-{message['instance_id']}"))
        login = Login(message["kind"], message["command"], env, message["terminal"], home)
        streams = (fds[0], fds[1], fds[2])
        self._visit(
            number,
            message,
            self._namespaces.fork(partial(fork_session, login, streams, self._namespaces.entry(target)), target),
        )

    def _visit(self, number: int, message: wire.Message, child: Child) -> None:
        """A session or a check: what it uses counts as the instance's, and signals go to its whole process group."""
        self._visitors.add(number)
        self._watch(number, child)
        self._limits.join(int(message["target"]), child.pid)

    def _running(self, message: wire.Message) -> int:
        """The first process of the instance that a request names. Raises OSError when it is gone."""
        target = self._pids.get(int(message["target"]))
        if target is None:
            raise OSError("the instance does not run")
        return target

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
                kill_marked(INSTANCE_MARK, self._markers[number])

    def _open_socket(self, number: int, message: wire.Message) -> None:
        with self._namespaces.open_socket(self._running(message), message["family"], message["kind"]) as sock:
            self._say({"event": "socket", "id": number}, (sock.fileno(),))

    def _open_terminal(self, number: int, message: wire.Message) -> None:
        master, slave, index = self._namespaces.open_terminal(self._running(message))
        try:
            self._say({"event": "terminal", "id": number, "name": f"/dev/pts/{index}"}, (master, slave))
        finally:
            os.close(master)
            os.close(slave)

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
                kill_marked(INSTANCE_MARK, marker)
                kill_marked(SESSION_MARK, marker)
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

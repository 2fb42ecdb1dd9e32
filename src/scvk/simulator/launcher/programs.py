"""Starts and ends single programs: fork, prepare, exec; what went wrong comes back through a pipe."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scvk.simulator.launcher import isolation, kernel

# Variables by whose value the processes of an instance are found where there is no PID namespace.
INSTANCE_MARK = "SALAD_INSTANCE_ID"
SESSION_MARK = "SCVK_SIMULATOR_SESSION_OF"


@dataclass(frozen=True)
class Program:
    """What is executed: argument vector, environment and nothing else, and where it begins."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str


@dataclass
class Child:
    """A forked process on its way to a program: `status_fd` gives an error text, or end of file at exec."""

    pid: int
    status_fd: int


def fork_program(program: Program, output_fd: int, prepare: Callable[[], None], *, isolated: bool) -> Child:
    """Fork; the child calls `prepare` and becomes `program`, its output going to `output_fd`.

    Raises OSError when forking fails (a PID namespace whose first process is gone refuses: ENOMEM).
    """

    def become() -> None:
        stdin = os.open("/dev/null", os.O_RDONLY)
        be_first_to_go()
        prepare()
        take_streams(stdin, output_fd, output_fd)
        become_ordinary(isolated=isolated)
        os.chdir(program.cwd)
        os.execvpe(program.argv[0], list(program.argv), dict(program.env))  # noqa: S606  as asked for

    return fork_child(become, repr(program.argv[0]))


def fork_child(become: Callable[[], None], name: str) -> Child:
    """Fork; the child leads a session of its own and calls `become`, which turns it into something else.

    What `become` raises is reported under `name`, and ends the child. Raises OSError when forking fails.
    """
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
    except OSError:
        os.close(read_end)
        os.close(write_end)
        raise
    if pid == 0:
        try:
            kernel.die_with_parent(signal.SIGKILL)
            os.setsid()
            become()
        except BaseException as error:  # noqa: BLE001  whatever it is, this process must end here and say why
            os.write(write_end, json.dumps(f"{name}: {_words(error)}").encode())
        finally:
            os._exit(127)
    os.close(write_end)
    return Child(pid, read_end)


def _words(error: BaseException) -> str:
    """Why it failed, with the file in question: it may be one that the image has where a directory should be."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return error.strerror if error.filename is None else f"{error.strerror} ({error.filename})"


def take_streams(stdin: int, stdout: int, stderr: int) -> None:
    """Make them descriptors 0, 1 and 2; none of them may be one of these already."""
    for number, fd in enumerate((stdin, stdout, stderr)):
        os.dup2(fd, number)


def become_ordinary(*, isolated: bool) -> None:
    """Undo in a child what is special about the launcher: capabilities, signals, umask."""
    if isolated:
        kernel.limit_capabilities(isolation.CAPABILITIES)
    # Python ignores SIGPIPE, and what is ignored stays so across exec.
    for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)


def be_first_to_go() -> None:
    """Should the machine run out of memory, the kernel ends this program and not the host's (proc(5))."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass  # where it cannot be had, the limits alone must do


def exit_status(wait_status: int) -> int:
    """0-255 as a shell reports it: 128 + signal for a program that a signal ended."""
    if os.WIFSIGNALED(wait_status):
        return 128 + os.WTERMSIG(wait_status)
    return os.WEXITSTATUS(wait_status)


def kill_marked(name: str, value: str) -> None:
    """SIGKILL every process whose environment has that variable: the only way without PID namespaces."""
    wanted = f"{name}={value}".encode()
    own = os.getpid()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == own:
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue  # gone meanwhile, or another user's
        if wanted in environment.split(b"\0"):
            try:
                os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                pass  # gone meanwhile


def end_all_children() -> None:
    """SIGKILL children until none is left: a subreaper's orphans become its children, so that ends all."""
    while True:
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass  # gone meanwhile
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return

"""The script before a command, really run: this process stands for the pod's program."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scvk.provider.remote_commands.beginning import MOST_COMMAND, CommandTooLong, begin
from scvk.provider.remote_commands.first_line import FirstLine, NotStarted, Started
from scvk.provider.remote_commands.program import Program

MARKER = b"0123456789abcdef"
PATH = b"/usr/local/bin:/usr/bin:/bin"
START = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()[19]
SHELLS = [["/bin/sh"], ["bash"], ["busybox", "sh"]]

values = st.binary(max_size=20).map(lambda data: data.replace(b"\0", b""))
names = values.map(lambda data: data.replace(b"=", b"")).filter(
    # PATH decides what is found, and bash's own variables cannot be had through `sh -c` and printenv alike.
    lambda name: bool(name) and name not in (b"PATH", b"_")
)


def program(
    *environment: tuple[bytes, bytes],
    becoming: tuple[bytes, ...] | None = (),
    has_env: bool = True,
    start: bytes = START,
) -> Program:
    given_path = environment if any(name == b"PATH" for name, _ in environment) else (*environment, (b"PATH", PATH))
    return Program(os.getpid(), start, 1000 if becoming is None else 0, 0, given_path, becoming, has_env, False)


def run(line: bytes, shell: list[str] | None = None) -> tuple[Started | NotStarted | None, bytes, int]:
    """Run a command line as an SSH server does, by root's shell."""
    login = {
        "HOME": "/nowhere",
        "SSH_CLIENT": "x",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    done = subprocess.run([*(shell or ["/bin/sh"]), "-c", line], capture_output=True, check=False, env=login)
    found = FirstLine(MARKER).receive(done.stdout)
    return found, done.stderr, done.returncode


def output(said: Started | NotStarted | None) -> bytes:
    assert isinstance(said, Started)
    return said.rest


@given(st.dictionaries(names, values, max_size=5), st.lists(values, max_size=5))
@settings(max_examples=40, deadline=None)
def test_variables_and_words_of_any_bytes_arrive(environment: dict[bytes, bytes], words: list[bytes]) -> None:
    script = b'printf "%s\\0" "$@"; env -0'
    line = begin(MARKER, program(*environment.items()), [b"/bin/sh", b"-c", b"exit 0"], tty=False)
    assert isinstance(run(line)[0], Started)
    shown = output(run(begin(MARKER, program(*environment.items()), [b"env", b"-0"], tty=False))[0])
    assert dict(entry.partition(b"=")[::2] for entry in shown.split(b"\0")[:-1]) == {b"PATH": PATH, **environment}
    shown = output(run(begin(MARKER, program(), [b"sh", b"-c", script, b"sh", *words], tty=False))[0])
    assert shown.startswith(b"".join(word + b"\0" for word in words) or b"\0")


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_it_runs_in_every_shell_that_root_may_have(shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]}")
    line = begin(MARKER, program((b"A", b"it's"), (b"b.c", b"d\n")), [b"sh", b"-c", b'echo "$A"; pwd'], tty=False)
    said, errors, code = run(line, shell)
    assert (output(said), errors, code) == (f"it's\n{Path.cwd()}\n".encode(), b"", 0)


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_without_env_the_shell_exports_what_it_can(shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]}")
    given_program = program((b"A", b"1 2"), (b"b.c", b"d"), has_env=False)
    said, _, _ = run(begin(MARKER, given_program, [b"env"], tty=False), shell)
    lines = output(said).split(b"\n")
    assert b"A=1 2" in lines
    assert not [line for line in lines if line.startswith((b"SSH_CLIENT=", b"HOME=", b"b.c="))]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param([b"no-such-program"], "unknown", id="nowhere in PATH"),
        pytest.param([b"cd"], "unknown", id="a builtin of the shell"),
        pytest.param([b"/no/such"], "missing", id="no such file"),
        pytest.param([b"/etc/passwd"], "denied", id="not executable"),
        pytest.param([b"/etc"], "denied", id="a directory"),
        pytest.param([b""], "unknown", id="nothing"),
        pytest.param([b"*"], "unknown", id="a pattern"),
    ],
)
def test_a_program_that_is_not_there_is_told(words: list[bytes], reason: str) -> None:
    said, _, code = run(begin(MARKER, program(), words, tty=False))
    assert (said, code) == (NotStarted(reason), 127)


def test_a_program_whose_name_looks_like_a_variable_is_run(tmp_path: Path) -> None:
    tool = tmp_path / "a=b"
    tool.write_text("#!/bin/sh\necho ran $1\n")
    tool.chmod(0o755)
    said, _, _ = run(begin(MARKER, program((b"PATH", os.fsencode(tmp_path) + b":" + PATH)), [b"a=b", b"it"], tty=False))
    assert output(said) == b"ran it\n"


def test_a_program_that_is_another_by_now_is_told() -> None:
    said, _, _ = run(begin(MARKER, program(start=b"1"), [b"true"], tty=False))
    assert said == NotStarted("changed")


def test_exit_codes_are_the_commands() -> None:
    assert run(begin(MARKER, program(), [b"sh", b"-c", b"exit 9"], tty=False))[2] == 9


def test_the_process_that_is_told_is_the_commands() -> None:
    said, _, _ = run(begin(MARKER, program(), [b"sh", b"-c", b"echo $$"], tty=False))
    assert isinstance(said, Started)
    assert said.rest == f"{said.number}\n".encode()


@pytest.mark.parametrize(
    ("environment", "term"),
    [
        pytest.param((), b"xterm\n", id="none of the pod's"),
        pytest.param(((b"TERM", b"vt100"),), b"vt100\n", id="its own"),
    ],
)
def test_a_terminal_has_a_kind(environment: tuple[tuple[bytes, bytes], ...], term: bytes) -> None:
    said, _, _ = run(begin(MARKER, program(*environment), [b"sh", b"-c", b"echo $TERM"], tty=True))
    assert output(said) == term


def test_a_program_without_a_path_gets_the_runtimes() -> None:
    without = Program(os.getpid(), START, 0, 0, ((b"A", b"1"),), (), has_env=True, is_wrapper=False)
    said, _, _ = run(begin(MARKER, without, [b"sh", b"-c", b"echo $PATH"], tty=False))
    assert output(said) == b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"


def test_variables_that_cannot_be_read_are_said() -> None:
    without = Program(os.getpid(), START, 0, 0, (), (), has_env=True, is_wrapper=False)
    said, errors, _ = run(begin(MARKER, without, [b"true"], tty=False))
    assert isinstance(said, Started)
    assert b"runs without" in errors


def test_a_user_that_cannot_be_become_is_said() -> None:
    said, errors, _ = run(begin(MARKER, program(becoming=None), [b"true"], tty=False))
    assert isinstance(said, Started)
    assert b"user 1000" in errors
    assert b"runs as root" in errors


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="root and setpriv are needed")
def test_a_user_is_become() -> None:
    becoming = (b"setpriv", b"--reuid=1000", b"--regid=1001", b"--clear-groups")
    said, _, _ = run(begin(MARKER, program(becoming=becoming), [b"id", b"-u"], tty=False))
    assert output(said) == b"1000\n"


def test_what_no_server_could_start_is_refused() -> None:
    with pytest.raises(CommandTooLong, match="bytes together"):
        begin(MARKER, program((b"A", b"x" * MOST_COMMAND)), [b"true"], tty=False)

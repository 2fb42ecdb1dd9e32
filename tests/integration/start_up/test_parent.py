"""The wrapper as parent of what it starts: init containers, hooks, signals, exit codes and last words."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scvk.provider.translate.start_up import (
    START_UP_FAILED_EXIT_CODE,
    InitStep,
    StartUp,
    StartUpFile,
    TerminationMessage,
    termination_message_of,
)
from tests.integration.start_up.shells import CONFESSING, Confession, Shell, failures, script

PASSED_ON = [
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
]


def last_words(ended: subprocess.CompletedProcess[bytes]) -> str | None:
    return termination_message_of(ended.stderr.decode().splitlines())


# Init containers


def test_init_containers_run_in_order_each_in_its_own_place_with_its_own_variables(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    start_up = StartUp(
        script('echo "main $A $B $C $PWD"'),
        {"A": "main's", "B": "of main\nalone"},
        working_dir="/",
        init_steps=(
            InitStep("one", script('echo "one $A-$B-$C $PWD"'), {"A": "one's"}, str(tmp_path / "one")),
            InitStep("two", script('echo "two $A-$B-$C"'), {"C": "two's\n"}),
        ),
    )
    ended = shell.run(start_up)
    assert ended.stdout.decode() == f"one one's-- {tmp_path}/one\ntwo --two's\n\nmain main's of main\nalone  /\n"
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_init_container_gets_names_that_a_shell_drops(shell: Shell) -> None:
    start_up = StartUp(("true",), {}, init_steps=(InitStep("one", CONFESSING, {"a.b": "1", "UID": "x"}),))
    told = Confession.of(shell.run(start_up).stdout)
    assert (told.environment[b"a.b"], told.environment[b"UID"]) == (b"1", b"x")


def test_an_init_container_finds_the_files_and_what_was_made_before_it(shell: Shell, tmp_path: Path) -> None:
    start_up = StartUp(
        ("cat", f"{tmp_path}/made"),
        {},
        files=(StartUpFile(f"{tmp_path}/f", b"content", 0o600),),
        init_steps=(
            InitStep("one", script('cat "$1">"$2"', f"{tmp_path}/f", f"{tmp_path}/half"), {}),
            InitStep("two", ("mv", f"{tmp_path}/half", f"{tmp_path}/made"), {}),
        ),
    )
    assert shell.run(start_up).stdout == b"content"


@pytest.mark.parametrize(("text", "code"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_a_failing_init_container_ends_the_start_with_its_exit_code(shell: Shell, text: str, code: int) -> None:
    steps = (InitStep("one", script("true"), {}), InitStep("migrate", script(text), {}), InitStep("no", ("echo",), {}))
    ended = shell.run(StartUp(("echo", "main"), {}, init_steps=steps))
    assert (ended.returncode, ended.stdout) == (code, b"")
    assert failures(ended) == [f"the init container migrate ended with exit code {code}"]


def test_a_signal_that_ends_an_init_container_ends_the_start(shell: Shell) -> None:
    step = InitStep("one", script("trap 'exit 0' TERM;echo ready;while true;do sleep 0.02;done"), {})
    process = shell.start(StartUp(("echo", "main"), {}, init_steps=(step,)))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (128 + signal.SIGTERM, b"", b"")


# The program under a parent


@pytest.mark.parametrize(("text", "code"), [("exit 0", 0), ("exit 127", 127), ("kill -9 $$", 137), ("kill $$", 143)])
def test_the_parent_ends_with_the_programs_exit_code(
    shell: Shell, message: TerminationMessage, text: str, code: int
) -> None:
    ended = shell.run(StartUp(script(text), {}, termination_message=message))
    assert (ended.returncode, ended.stderr) == (code, b"")


def test_the_program_under_a_parent_gets_the_same_as_without(shell: Shell, message: TerminationMessage) -> None:
    environment = {"A": "1", "B": "", "a.b": "2\n", "PWD": "p", "SCVK_s": "s"}
    start_up = StartUp((*CONFESSING, "", "x\n"), environment, working_dir="/", termination_message=message)
    told = Confession.of(shell.run(start_up).stdout)
    expected = {"PATH": shell.path, **environment}
    assert {name.decode(): value.decode() for name, value in told.environment.items() if name != b"_"} == expected | (
        {"SHLVL": told.environment[b"SHLVL"].decode()} if b"SHLVL" in told.environment else {}
    )
    assert told.argv[-2:] == (b"", b"x\n")
    assert told.working_dir == "/"


def test_standard_input_is_the_programs_under_a_parent_too(shell: Shell, message: TerminationMessage) -> None:
    process = shell.start(StartUp(("cat",), {}, termination_message=message))
    output, _ = process.communicate(b"said to the program", timeout=30)
    assert output == b"said to the program"


@pytest.mark.parametrize("number", PASSED_ON, ids=lambda number: number.name)
def test_signals_reach_the_program_and_what_it_makes_of_them_counts(
    shell: Shell, message: TerminationMessage, number: signal.Signals
) -> None:
    program = (
        "import os,signal,time\n"
        f"signal.signal({number:d},lambda *_:(os.write(1,b'got it'),os._exit(9)))\n"
        "os.write(1,b'ready\\n')\n"
        "while True: time.sleep(0.01)"
    )
    process = shell.start(StartUp((sys.executable, "-S", "-c", program), {}, termination_message=message))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (9, b"got it", b"")


def test_a_program_that_lives_on_after_signals_is_waited_for(shell: Shell, message: TerminationMessage) -> None:
    text = "n=0;trap 'n=$((n+1));echo $n' USR1;trap 'exit 4' TERM;echo ready;while true;do sleep 0.01;done"
    process = shell.start(StartUp(script(text), {}, termination_message=message))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    for count in range(1, 6):
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == b"%d\n" % count
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
def test_interrupts_are_not_ignored_from_the_start_where_the_shell_has_a_say(
    shell: Shell, message: TerminationMessage, number: signal.Signals
) -> None:
    ended = shell.run(StartUp(("cat", "/proc/self/status"), {}, termination_message=message))
    ignored = re.search(rb"SigIgn:\s*([0-9a-f]+)", ended.stdout)
    assert ignored is not None
    # Busybox's shell ignores them for what it starts beside itself, and cannot take that back.
    assert bool(int(ignored[1], 16) & 1 << (number - 1)) == (shell.name == "busybox")


# Last words


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param(b"bye", "bye", id="a word"),
        pytest.param(b'it\'s\n"over" \\n $x\n', 'it\'s\n"over" \\n $x\n', id="quotes and lines"),
        pytest.param(b"\xff\x00a", "\N{REPLACEMENT CHARACTER}\0a", id="bytes"),
        pytest.param(b"first" + b"x" * 4096, "x" * 4096, id="the last 4096 bytes"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_what_the_program_leaves_in_the_file_is_read_from_the_log(
    shell: Shell, message: TerminationMessage, tmp_path: Path, written: bytes, read: str | None
) -> None:
    (tmp_path / "source").write_bytes(written)
    start_up = StartUp(
        script('cat "$1">>"$2";exit 1', f"{tmp_path}/source", message.path), {}, termination_message=message
    )
    ended = shell.run(start_up)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert last_words(ended) == read


def test_last_words_of_the_run_before_are_not_repeated(shell: Shell, message: TerminationMessage) -> None:
    assert (
        last_words(shell.run(StartUp(script('echo one>"$1"', message.path), {}, termination_message=message)))
        == "one\n"
    )
    assert last_words(shell.run(StartUp(("true",), {}, termination_message=message))) is None


def test_anybody_may_write_the_last_words(shell: Shell, message: TerminationMessage) -> None:
    ended = shell.run(StartUp(("stat", "-c", "%a", message.path), {}, termination_message=message))
    assert ended.stdout == b"666\n"


# The postStart hook


def test_a_hook_runs_beside_the_program_with_its_variables_and_directory(shell: Shell, tmp_path: Path) -> None:
    start_up = StartUp(
        script("while ! [ -s hook ];do sleep 0.01;done;cat hook;exit 5"),
        {"A": "a\nb"},
        working_dir=str(tmp_path),
        post_start=script('echo "$A $1">half;mv half hook', "an\nargument"),
    )
    ended = shell.run(start_up)
    assert (ended.returncode, ended.stdout, ended.stderr) == (5, b"a\nb an\nargument\n", b"")


def test_a_program_may_end_before_its_hook(shell: Shell) -> None:
    ended = shell.run(StartUp(script("exit 6"), {}, post_start=script("while true;do sleep 0.05;done>/dev/null 2>&1")))
    assert ended.returncode == 6
    assert failures(ended) == []


def test_a_failing_hook_ends_the_program(shell: Shell) -> None:
    program = script("trap 'echo ended;exit 0' TERM;echo ready;while true;do sleep 0.02;done")
    ended = shell.run(StartUp(program, {}, post_start=script("sleep 0.2;exit 9")))
    assert ended.returncode == START_UP_FAILED_EXIT_CODE
    assert ended.stdout == b"ready\nended\n"
    assert failures(ended) == ["the postStart hook ended with exit code 9"]

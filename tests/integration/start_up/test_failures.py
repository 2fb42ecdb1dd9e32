"""What goes wrong at a start: an exit code of its own, and one line that says why."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scvk.provider.translate.start_up import START_UP_FAILED_EXIT_CODE, StartUp, StartUpFile, TerminationMessage
from tests.integration.start_up.shells import Shell, failures, wrapped_of


@pytest.mark.parametrize("parent", [False, True], ids=["as the program", "as parent"])
@pytest.mark.parametrize(
    "program",
    ["no-such-program", "/no/such/program", "/etc/passwd", "/"],
)
def test_a_program_that_cannot_be_run_is_named(
    shell: Shell, message: TerminationMessage, program: str, parent: bool
) -> None:
    ended = shell.run(StartUp((program,), {}, working_dir="/", termination_message=message if parent else None))
    assert ended.returncode == START_UP_FAILED_EXIT_CODE, ended.stderr
    assert failures(ended) == [f"cannot run the program {program}: it is not there, or may not be run"]


def test_a_program_that_the_kernel_refuses_is_named(shell: Shell, tmp_path: Path) -> None:
    program = tmp_path / "no-interpreter"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    ended = shell.run(StartUp((str(program),), {}, working_dir="/"))
    assert ended.returncode == START_UP_FAILED_EXIT_CODE
    assert failures(ended) == [f"cannot run the program {program}: it is not there, or may not be run"]


def test_a_program_whose_name_comes_from_a_secret_is_not_named(shell: Shell) -> None:
    environment = {"A": "no-such-secret"}
    start_up = StartUp(("no-such-secret",), environment, working_dir="/", secret_variables=frozenset({"A"}))
    assert failures(shell.run(start_up)) == ["cannot run the program: it is not there, or may not be run"]


@pytest.mark.parametrize(
    ("start_up", "reason"),
    [
        pytest.param(
            StartUp(("true",), {}, files=(StartUpFile("/etc/passwd/x", b"", 0o644),)),
            "cannot write /etc/passwd/x",
            id="file",
        ),
        pytest.param(
            StartUp(("true",), {}, files=(StartUpFile("/tmp", b"", 0o644),)), "cannot write /tmp", id="folder as file"
        ),
        pytest.param(
            StartUp(("true",), {}, directories=("/etc/passwd",)),
            "cannot make the directory /etc/passwd",
            id="directory",
        ),
        pytest.param(
            StartUp(("true",), {}, working_dir="/etc/passwd"),
            "cannot go to the working directory /etc/passwd",
            id="working directory",
        ),
        pytest.param(
            StartUp(("true",), {}, termination_message=TerminationMessage("/proc/x")),
            "cannot write /proc/x",
            id="termination message",
        ),
        pytest.param(
            StartUp(("true",), {"A": "a\0b"}), "the value of the variable A has a NUL character", id="NUL in a value"
        ),
        pytest.param(StartUp(("true", "\0"), {}), "an item of a command has a NUL character", id="NUL in an argument"),
    ],
)
def test_a_start_that_fails_ends_with_its_own_exit_code_and_says_why(
    shell: Shell, start_up: StartUp, reason: str
) -> None:
    ended = shell.run(start_up)
    assert ended.returncode == START_UP_FAILED_EXIT_CODE
    assert failures(ended) == [reason]


def test_an_image_without_base64_is_told(shell: Shell, tmp_path: Path) -> None:
    wrapped = wrapped_of(StartUp(("true",), {}, files=(StartUpFile(f"{tmp_path}/f", b"x", 0o644),)))
    command = shell.command(wrapped)
    command[command.index("-c") + 1] = "command(){ return 127;};" + wrapped.command[2]
    ended = subprocess.run(command, env=shell.environment(wrapped), capture_output=True, timeout=30, check=False)
    assert failures(ended) == ["there is no base64 in the image"]

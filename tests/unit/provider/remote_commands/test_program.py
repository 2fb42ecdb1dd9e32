"""What /proc says of a pod's program, read from a real process and from made-up answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scvk.provider.remote_commands.looking import look, parts_of
from scvk.provider.remote_commands.program import programs_of

MARKER = b"0123456789abcdef"


def answer(
    *, user: str = "0", group: str = "0", groups: str = "", tools: str = "env\n", environment: bytes = b"A=1\0"
) -> bytes:
    stat = b"1 (a) b) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 77 0 0\n"
    status = f"Name:\ta\nUid:\t{user}\t{user}\t0\t0\nGid:\t{group}\t{group}\t0\t0\nGroups:\t{groups} \n".encode()
    users = b"root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"
    parts = {"process": b"1", "stat": stat, "status": status, "environ": environment}
    parts |= {"tools": tools.encode(), "users": users, "end": b""}
    return b"".join(b"\n" + MARKER + b" " + name.encode() + b"\n" + content for name, content in parts.items())


def test_a_real_answer_is_read() -> None:
    shown = subprocess.run(["/bin/sh", "-c", look(MARKER)], capture_output=True, check=False).stdout
    parts = parts_of(shown, MARKER)
    assert parts is not None
    (program,) = programs_of(parts)
    assert program.number == 1
    assert program.has_env
    assert int(program.start) >= 0


def test_children_of_process_1_are_looked_at_too() -> None:
    shown = subprocess.run(["/bin/sh", "-c", look(MARKER, at_children=True)], capture_output=True, check=False).stdout
    parts = parts_of(shown, MARKER)
    assert parts is not None
    for program in programs_of(parts):
        try:
            parent = Path(f"/proc/{program.number}/stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # ended meanwhile
        assert parent == "1"


def test_variables_may_have_any_values_and_names() -> None:
    environment = b"A=1\0odd.name=x=y\0LINES=a\nb\0EMPTY=\0\xff=\xfe\0nothing\0=no name\0"
    (program,) = programs_of(parts_of(answer(environment=environment), MARKER) or ())
    assert program.environment == (
        (b"A", b"1"),
        (b"odd.name", b"x=y"),
        (b"LINES", b"a\nb"),
        (b"EMPTY", b""),
        (b"\xff", b"\xfe"),
    )
    assert program.start == b"77"


def test_values_are_not_shown() -> None:
    (program,) = programs_of(parts_of(answer(environment=b"PASSWORD=hunter2\0"), MARKER) or ())
    assert "hunter2" not in repr(program)


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        pytest.param({}, (), id="root needs nothing"),
        pytest.param(
            {"user": "1000", "group": "1000", "tools": "env\nsetpriv\nchroot\n"},
            (b"setpriv", b"--reuid=1000", b"--regid=1000", b"--clear-groups"),
            id="setpriv",
        ),
        pytest.param(
            {"user": "1000", "group": "0", "groups": "5 6", "tools": "setpriv\n"},
            (b"setpriv", b"--reuid=1000", b"--regid=0", b"--groups=5,6"),
            id="setpriv with groups",
        ),
        pytest.param(
            {"user": "7", "group": "8", "groups": "9", "tools": "chroot\nsu\n"},
            (b"chroot", b"--userspec=7:8", b"--groups=9", b"--skip-chdir", b"/"),
            id="GNU chroot",
        ),
        pytest.param({"user": "7", "group": "8", "tools": "chpst\n"}, (b"chpst", b"-u", b"7:8"), id="chpst"),
        pytest.param(
            {"user": "1000", "group": "1000", "tools": "su\n"},
            (b"su", b"-s", b"/bin/sh", b"app", b"-c", b'exec "$@"', b"sh"),
            id="su",
        ),
        pytest.param({"user": "1001", "group": "1000", "tools": "su\n"}, None, id="su, and the user has no name"),
        pytest.param({"user": "1000", "group": "1000", "tools": ""}, None, id="nothing"),
    ],
)
def test_a_user_is_become_by_what_the_image_has(answered: dict[str, str], words: tuple[bytes, ...] | None) -> None:
    (program,) = programs_of(parts_of(answer(**answered), MARKER) or ())  # type: ignore[arg-type]
    assert program.becoming == words


@pytest.mark.parametrize("cut", [0, 1, 40, 200])
def test_an_answer_that_is_not_whole_is_none(cut: int) -> None:
    assert parts_of(answer()[: -1 - len(b" end\n") - cut], MARKER) is None


def test_a_start_up_wrapper_is_told() -> None:
    (program,) = programs_of(parts_of(answer(environment=b"SCVK_START_UP_0=x\0"), MARKER) or ())
    assert program.is_wrapper

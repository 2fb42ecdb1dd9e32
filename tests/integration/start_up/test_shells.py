"""The wrapper, run by real shells: what is rebuilt is the same byte for byte, and the program stays the process."""

from __future__ import annotations

import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scvk.provider.translate.start_up import (
    InitStep,
    StartUp,
    StartUpFile,
    failure_of,
)
from tests.integration.start_up.shells import CONFESSING, Confession, Shell

# Set by shells themselves, as for every program that a shell starts.
BY_THE_SHELL = {b"_", b"SHLVL"}


def confession_of(shell: Shell, start_up: StartUp, image: dict[str, str] | None = None) -> Confession:
    ended = shell.run(start_up, image)
    assert ended.returncode == 0, ended.stderr
    return Confession.of(ended.stdout)


# No NUL in anything that a process is given; no surrogates in what comes from JSON.
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = (
    st.text(characters, max_size=12)
    | st.text("\n '\"\\$`.x", max_size=8)
    | st.sampled_from(["", "\n", "a\n\n", "x" * 5000, " " * 2500, "\x81\x88\x7f\x01", "-n", "--", "$(exit)", "é" * 700])
)
names = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="="), min_size=1, max_size=9)
special_names = st.sampled_from(
    [
        "_",
        "BASH",
        "BASH_ENV",
        "BASHOPTS",
        "BASH_FUNC_base64%%",
        "CDPATH",
        "ENV",
        "EUID",
        "FUNCNAME",
        "GROUPS",
        "HISTSIZE",
        "HOME",
        "IFS",
        "LC_ALL",
        "LINENO",
        "MAIL",
        "OLDPWD",
        "OPTARG",
        "OPTERR",
        "PIPESTATUS",
        "POSIXLY_CORRECT",
        "PPID",
        "PS1",
        "PS2",
        "PS4",
        "PWD",
        "RANDOM",
        "REPLY",
        "SCVK_START_UP_0",
        "SCVK_i",
        "SCVK_s",
        "SECONDS",
        "SHELLOPTS",
        "SHLVL",
        "TERM",
        "TMOUT",
        "UID",
        "i",
        "p",
        "s",
        "x",
        "-u",
        "-",
    ]
)
# The confessing program is a shell: it needs PATH, and dash ends at once where OPTIND is no number.
environments = st.dictionaries(
    (names | special_names).filter(lambda name: name not in {"OPTIND", "PATH"}), texts, max_size=5
)
argvs = st.lists(texts, max_size=5).map(tuple)


@settings(max_examples=40, deadline=None)
@given(environment=environments, arguments=argvs)
def test_variables_and_arguments_arrive_byte_for_byte(
    shell: Shell, environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    told = confession_of(
        shell,
        StartUp((*CONFESSING, *arguments), environment, working_dir="/"),
        {"FROM_THE_IMAGE": "stays", "PATH": shell.path},
    )
    expected = {"FROM_THE_IMAGE": "stays", "PATH": shell.path, **environment}
    left_out = {name for name in BY_THE_SHELL if name.decode() not in environment}
    assert {name: value for name, value in told.environment.items() if name not in left_out} == {
        name.encode(): value.encode() for name, value in expected.items()
    }
    assert told.argv == tuple(item.encode() for item in (*CONFESSING, *arguments))


def test_a_variable_that_shells_count_with_arrives(shell: Shell) -> None:
    told = confession_of(shell, StartUp(CONFESSING, {"OPTIND": "7"}, working_dir="/"))
    assert told.environment[b"OPTIND"] == b"7"


file_names = st.text(characters, min_size=1, max_size=20).filter(
    lambda name: name not in {".", ".."} and "/" not in name
) | st.sampled_from(["with space", "it's", '"', "a\nb", "-n", "$HOME", "*", "\\n", "%s", "ends\n"])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(file_names, min_size=1, max_size=2).map("/".join),
            st.binary(max_size=200) | st.just(bytes(range(256)) * 30),
            st.integers(0, 0o777),
        ),
        max_size=4,
        unique_by=lambda file: file[0].split("/")[0],
    )
)
def test_files_arrive_byte_for_byte_with_their_modes(shell: Shell, files: list[tuple[str, bytes, int]]) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        start_up = StartUp(
            ("true",), {}, files=tuple(StartUpFile(f"{root}/{path}", content, mode) for path, content, mode in files)
        )
        ended = shell.run(start_up)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert len([path for path in root.rglob("*") if path.is_file()]) == len(files)
        for path, content, mode in files:
            file = root / path
            assert stat.S_IMODE(file.stat().st_mode) == mode
            file.chmod(0o600)
            assert file.read_bytes() == content
    finally:
        shutil.rmtree(root)


def test_the_program_is_the_process_that_was_started(shell: Shell, root: Path) -> None:
    start_up = StartUp(
        CONFESSING,
        {"a.b": "1", "LONG": "x" * 1001},
        files=(StartUpFile(f"{root}/f", b"", 0o644),),
        working_dir=str(root / "made"),
        init_steps=(InitStep("one", ("true",), {}),),
    )
    process = shell.start(start_up)
    output, _ = process.communicate(timeout=30)
    told = Confession.of(output)
    assert told.pid == process.pid
    assert told.working_dir == str(root / "made")


def test_nothing_of_the_wrapper_reaches_the_program(shell: Shell, root: Path) -> None:
    told = confession_of(
        shell, StartUp(CONFESSING, {"A": "1"}, files=(StartUpFile(f"{root}/f", b"x" * 9000, 0o600),), working_dir="/")
    )
    assert set(told.environment) - BY_THE_SHELL == {b"A", b"PATH"}


def test_standard_input_is_the_programs(shell: Shell, root: Path) -> None:
    process = shell.start(StartUp(("cat",), {}, files=(StartUpFile(f"{root}/f", b"x", 0o644),)))
    output, _ = process.communicate(b"said to the program", timeout=30)
    assert output == b"said to the program"


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("exit 125", 125), ("kill -9 $$", -9)])
def test_the_exit_code_is_the_programs(shell: Shell, script: str, code: int) -> None:
    ended = shell.run(StartUp(("sh", "-c", script), {}, working_dir="/"))
    assert ended.returncode == code
    assert failure_of(ended.stderr.decode()) is None


def test_the_umask_stays_the_programs(shell: Shell, root: Path) -> None:
    start_up = StartUp(("sh", "-c", "umask"), {}, files=(StartUpFile(f"{root}/f", b"", 0o644),))
    wrapped_by = Shell(shell.name, (*shell.argv[:1], "-c", 'umask 027;exec "$@"', "sh", *shell.argv), shell.path)
    assert int(wrapped_by.run(start_up).stdout, 8) == 0o027


def test_tools_are_found_though_the_pods_path_leaves_them_out(shell: Shell, root: Path) -> None:
    program = shutil.which("sh", path=shell.path)
    assert program is not None
    start_up = StartUp(
        (program, "-c", "echo $PATH"), {"PATH": "/nowhere"}, files=(StartUpFile(f"{root}/f", b"x", 0o600),)
    )
    assert shell.run(start_up).stdout == b"/nowhere\n"


def test_a_path_that_does_not_fit_is_the_programs_all_the_same(shell: Shell) -> None:
    path = ":".join(["/nowhere"] * 200 + [shell.path])
    assert confession_of(shell, StartUp(CONFESSING, {"PATH": path}, working_dir="/")).environment[b"PATH"] == (
        path.encode()
    )


def test_other_files_of_a_folder_stay(shell: Shell, root: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc/other").write_text("other")
    (root / "etc/replaced").write_text("a long text of before")
    (root / "etc/replaced").chmod(0o400)
    files = (StartUpFile(f"{root}/etc/replaced", b"new", 0o644), StartUpFile(f"{root}/etc/a/b/c", b"deep", 0o644))
    assert shell.run(StartUp(("true",), {}, files=files, directories=(f"{root}/etc",))).returncode == 0
    contents = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
    assert contents == {"etc/other": "other", "etc/replaced": "new", "etc/a/b/c": "deep"}


def test_a_link_is_replaced_and_not_what_it_leads_to(shell: Shell, root: Path) -> None:
    (root / "target").write_text("target")
    (root / "link").symlink_to("target")
    assert shell.run(StartUp(("true",), {}, files=(StartUpFile(f"{root}/link", b"new", 0o644),))).returncode == 0
    assert ((root / "target").read_text(), (root / "link").read_text()) == ("target", "new")


def test_a_config_map_of_a_mebibyte_in_many_files_arrives(shell: Shell, root: Path) -> None:
    files = tuple(StartUpFile(f"{root}/{n}", bytes([n]) * 16_000, 0o644) for n in range(64))
    assert shell.run(StartUp(("true",), {}, files=files)).returncode == 0
    assert all((root / str(n)).read_bytes() == bytes([n]) * 16_000 for n in range(64))

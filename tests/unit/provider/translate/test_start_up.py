"""When a wrapper is needed, and what it looks like to SaladCloud."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.translate.start_up import (
    DirectoryLink,
    InitStep,
    StartUp,
    StartUpFile,
    TerminationMessage,
    Wrapped,
    WrapperTooLarge,
    is_reserved,
    needs_wrapper,
    wrap,
)
from scvk.saladcloud.models import violations
from tests.integration.start_up.shells import UNLIMITED, wrapped_of

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("start_up", "reasons"),
    [
        pytest.param(StartUp((), {}), (), id="the image's own command"),
        pytest.param(StartUp(("a", "b c"), {"A": "x y", "a.b-c": "1", "UID": "0"}), (), id="all plain"),
        pytest.param(StartUp(("a",) * 100, {}), (), id="100 arguments"),
        pytest.param(StartUp(("a",) * 101, {}), ("more than 100 arguments",), id="101 arguments"),
        pytest.param(
            StartUp(("a", ""), {}), ("an argument that is empty, too long or has line breaks",), id="empty argument"
        ),
        pytest.param(
            StartUp(("a", "\u2028"), {}),
            ("an argument that is empty, too long or has line breaks",),
            id="line separator in an argument",
        ),
        pytest.param(
            StartUp(("a",), {"A": "", "B": "x" * 1000, "C": "x" * 1001, "D": "a\nb"}),
            tuple(f"the variable {name}, whose value is empty, too long or has line breaks" for name in "ACD"),
            id="values",
        ),
        pytest.param(StartUp(("a",), {}, files=(StartUpFile("/f", b"", 0o644),)), ("files",), id="files"),
        pytest.param(StartUp(("a",), {}, directories=("/d",)), ("directories",), id="directories"),
        pytest.param(StartUp(("a",), {}, working_dir="/d"), ("a working directory",), id="working directory"),
        pytest.param(StartUp(("a",), {}, init_steps=(InitStep("i", ("a",), {}),)), ("init containers",), id="init"),
        pytest.param(StartUp(("a",), {}, post_start=("a",)), ("a postStart hook",), id="postStart"),
        pytest.param(
            StartUp(("a",), {}, termination_message=TerminationMessage("/t")),
            ("a termination message",),
            id="termination message",
        ),
    ],
)
def test_a_wrapper_is_needed_where_saladcloud_has_no_field_for_it(start_up: StartUp, reasons: tuple[str, ...]) -> None:
    assert needs_wrapper(start_up) == reasons


def test_what_fits_stays_as_it_is_beside_the_wrapper() -> None:
    wrapped = wrapped_of(StartUp(("nginx", "-g", "daemon off;"), {"A": "x y", "B": ""}, working_dir="/srv"))
    assert wrapped.command[:2] == ("/bin/sh", "-c")
    assert wrapped.command[-3:] == ("nginx", "-g", "daemon off;")
    assert wrapped.environment["A"] == "x y"
    assert "B" not in wrapped.environment


@pytest.mark.parametrize(
    "argv", [("a", ""), ("a", "b\nc"), ("a", "x" * 1001), ("a",) * 101, ("a",) * 97], ids=lambda argv: str(len(argv))
)
def test_arguments_that_do_not_fit_travel_with_the_script(argv: tuple[str, ...]) -> None:
    assert len(wrapped_of(StartUp(argv, {})).command) == 4


@pytest.mark.parametrize("name", ["my.name", "my-name", "1st", "UID", "PWD", "IFS", "BASH_ENV", "SCVK_START_UP_0"])
def test_a_variable_that_a_shell_would_not_pass_on_travels_with_the_script(name: str) -> None:
    wrapped = wrapped_of(StartUp(("a",), {name: "value-of-it"}))
    assert wrapped.environment.get(name) != "value-of-it"
    assert "value-of-it" in "".join(wrapped.environment.values())
    assert "env" in wrapped.tools


@pytest.mark.parametrize("name", ["SCVK_START_UP_0", "SCVK_START_UP_FOO", "SCVK_s"])
def test_names_of_the_wrapper_are_reserved(name: str) -> None:
    assert is_reserved(name)


@pytest.mark.parametrize("name", ["SCVK_POD_UID", "PATH", "SCVK"])
def test_no_other_names_are_reserved(name: str) -> None:
    assert not is_reserved(name)


def secret_start_up() -> StartUp:
    return StartUp(
        ("run", "", f"--token={SECRET}"),
        {"A": SECRET, "B": f"{SECRET}\n", "b-c": SECRET, "D": "plain"},
        files=(StartUpFile("/etc/token", SECRET.encode(), 0o600, secret=True), StartUpFile("/etc/x", b"open", 0o644)),
        init_steps=(InitStep("i", ("init", SECRET), {"X": SECRET}, None, frozenset({"X"})),),
        post_start=("hook", SECRET),
        secret_variables=frozenset({"A", "B", "b-c"}),
    )


def test_every_variable_that_carries_a_secret_is_named_and_no_other() -> None:
    # What Secrets hold is not the only thing that differs: lengths of base64 do not, so that only contents do.
    one, other = wrapped_of(secret_start_up()), wrapped_of(_with_secret("another"[: len(SECRET)]))
    differing = {name for name in one.environment if one.environment[name] != other.environment[name]}
    assert differing == one.secret_variables
    assert "D" not in one.secret_variables
    assert {"A", "SCVK_START_UP_1"} <= one.secret_variables


def _with_secret(secret: str) -> StartUp:
    globals_secret = SECRET
    start_up = secret_start_up()

    def put(text: str) -> str:
        return text.replace(globals_secret, secret)

    return StartUp(
        tuple(map(put, start_up.argv)),
        {name: put(value) for name, value in start_up.environment.items()},
        files=tuple(
            StartUpFile(file.path, put(file.content.decode()).encode(), file.mode, file.secret)
            for file in start_up.files
        ),
        init_steps=tuple(
            InitStep(
                step.name,
                tuple(map(put, step.argv)),
                {name: put(value) for name, value in step.environment.items()},
                step.working_dir,
                step.secret_variables,
            )
            for step in start_up.init_steps
        ),
        post_start=tuple(map(put, start_up.post_start or ())),
        secret_variables=start_up.secret_variables,
    )


def test_no_repr_shows_a_value() -> None:
    start_up = secret_start_up()
    assert SECRET not in repr(start_up)
    assert SECRET not in repr(start_up.init_steps)
    assert SECRET not in repr(start_up.files)
    assert SECRET not in repr(wrapped_of(start_up))


def test_the_size_is_what_the_wrapper_adds_and_the_limit_holds_to_the_byte() -> None:
    start_up = StartUp(("a",), {"A": "x" * 500}, files=(StartUpFile("/f", b"x" * 30_000, 0o644),))
    wrapped = wrapped_of(start_up)
    chunks = sum(len(name) + len(value) for name, value in wrapped.environment.items() if name != "A")
    assert wrapped.size_bytes == chunks + sum(map(len, wrapped.command[:-1]))
    assert 40_000 < wrapped.size_bytes < 43_000
    assert wrap(start_up, limit_bytes=wrapped.size_bytes) == wrapped
    assert wrap(start_up, limit_bytes=wrapped.size_bytes - 1) == WrapperTooLarge(
        wrapped.size_bytes, wrapped.size_bytes - 1
    )


def test_the_same_content_at_several_paths_travels_once() -> None:
    content = bytes(range(256)) * 40
    one = wrapped_of(StartUp(("a",), {}, files=(StartUpFile("/1", content, 0o644),)))
    three = wrapped_of(StartUp(("a",), {}, files=tuple(StartUpFile(f"/{n}", content, 0o644) for n in range(3))))
    assert three.size_bytes < one.size_bytes + 200


texts = st.text(max_size=20) | st.sampled_from(["", " ", " " * 3000, "'" * 2500, "$$", "$(A)", "é" * 1001, "\0"])
names = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="="), min_size=1, max_size=9)
environments = st.dictionaries(names | st.sampled_from(["PATH", "PWD", "SCVK_START_UP_0"]), texts, max_size=4)
argvs = st.lists(texts, min_size=1, max_size=4).map(tuple)
paths = texts.map(lambda text: f"/{text}")
start_ups = st.builds(
    StartUp,
    argvs,
    environments,
    files=st.lists(st.builds(StartUpFile, paths, st.binary(max_size=3000), st.integers(0, 0o777))).map(tuple),
    directories=st.lists(paths, max_size=2).map(tuple),
    links=st.lists(st.builds(DirectoryLink, paths, paths), max_size=2).map(tuple),
    working_dir=st.none() | paths,
    init_steps=st.lists(st.builds(InitStep, texts, argvs, environments, st.none() | paths), max_size=2).map(tuple),
    post_start=st.none() | argvs,
    termination_message=st.none() | st.builds(TerminationMessage, paths),
)


@given(start_ups)
def test_whatever_is_asked_for_the_result_fits_saladclouds_document(start_up: StartUp) -> None:
    wrapped = wrap(start_up, limit_bytes=UNLIMITED)
    assert isinstance(wrapped, Wrapped)
    assert wrapped == wrap(start_up, limit_bytes=UNLIMITED)
    body = {
        "image": "busybox",
        "resources": {"cpu": 1, "memory": 1024},
        "command": list(wrapped.command),
        "environment_variables": wrapped.environment,
    }
    assert not list(violations("CreateContainer", body))
    for name, value in wrapped.environment.items():
        if name not in start_up.environment:
            assert re.fullmatch(r"[!-~]|[!-~][ -~]*[!-~]", value)

"""The start-up script: statements in the order in which a container needs them, each marked where it holds a secret.

directories, links, files, termination message → init steps, one after the other → the program. Variables that need the
script are set last, so that init steps do not see them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scvk.provider.translate import start_up_shell as shell
from scvk.provider.translate.start_up_log import FAILURE_PREFIX, START_UP_FAILED_EXIT_CODE
from scvk.provider.translate.start_up_plan import InitStep, StartUp, StartUpFile
from scvk.provider.translate.start_up_values import (
    base64_of,
    decoding,
    fits,
    holds_any,
    quoted,
    survives,
    values_of,
)

# What init steps keep of the main program's variables where they set none themselves: without these the group's
# values hide the image's own, and hardly a program runs without them.
_KEPT_BY_INIT_STEPS = frozenset({"PATH", "HOME"})


@dataclass(frozen=True, slots=True)
class Statement:
    """A piece of the script. It neither begins nor ends with a space."""

    text: str = field(repr=False)
    secret: bool = False


def stays_plain(name: str, value: str) -> bool:
    """Say whether a variable can be one of the group beside a wrapper."""
    return fits(value) and survives(name)


def script_of(start_up: StartUp, *, argv_in_command: bool) -> tuple[Statement, ...]:
    """Return the script. With `argv_in_command` the program and its arguments stand behind it in the command."""
    complaint = _impossible(start_up)
    if complaint is not None:
        return (Statement(f"{shell.PRELUDE}SCVK_w={_message(complaint)};exit"),)
    body = (*_rebuilding(start_up), *_init_steps(start_up), *_program(start_up, argv_in_command=argv_in_command))
    return (Statement(shell.PRELUDE), *_tools(start_up, body), *body)


def _tools(start_up: StartUp, body: Iterable[Statement]) -> Iterable[Statement]:
    texts = [statement.text for statement in body]
    decodes = any(text.startswith("v ") for text in texts)
    if decodes or start_up.files or start_up.termination_message:
        yield Statement(shell.NEED_BASE64)
    if decodes:
        yield Statement(shell.DECODE)
    owners: tuple[StartUp | InitStep, ...] = (start_up, *start_up.init_steps)
    if not all(survives(name) for owner in owners for name in owner.environment):
        yield Statement(shell.FIND_ENV)
    if start_up.files or start_up.links or start_up.termination_message:
        yield Statement(shell.PARENT + shell.OPEN)


def _rebuilding(start_up: StartUp) -> Iterable[Statement]:
    if start_up.directories:
        yield Statement(shell.DIRECTORY)
        for path in start_up.directories:
            yield from _calling("a", (path,))
    if start_up.links:
        yield Statement(shell.LINK)
        for link in start_up.links:
            yield from _calling("l", (link.path, link.target))
        # The image's own directory may be one that has just become a link.
        yield Statement("SCVK_w='cannot go back to the directory of the image';cd \"$PWD\"||exit;")
    yield from _files(start_up.files)
    if start_up.termination_message is not None:
        # A kubelet mounts an empty file that everybody may write.
        yield from _calling("o", (start_up.termination_message.path,))
        yield Statement('printf \'\'>"$SCVK_f"&&chmod 666 "$SCVK_f"||exit;')


def _files(files: tuple[StartUpFile, ...]) -> Iterable[Statement]:
    if not files:
        return
    yield Statement(shell.FILL)
    # The last of a path counts; the same content at several paths travels once.
    paths: dict[bytes, list[StartUpFile]] = {}
    for file in {file.path: file for file in files}.values():
        paths.setdefault(file.content, []).append(file)
    for content, same in paths.items():
        data = base64_of(content)
        secret = any(file.secret for file in same)
        if len(same) > 1:
            yield Statement(f"SCVK_s={data};", secret)
            data, secret = '"$SCVK_s"', False
        for file in same:
            yield from _calling("o", (file.path,))
            mode = file.mode & 0o7777
            yield Statement(f"echo {data}|f{'' if mode == _DEFAULT_MODE else f' {mode:o}'}||exit;", secret)


_DEFAULT_MODE = 0o644  # what the umask of the prelude gives


def _init_steps(start_up: StartUp) -> Iterable[Statement]:
    if start_up.init_steps or stays_parent(start_up):
        yield Statement(shell.SUPERVISE)
    main = [name for name, value in start_up.environment.items() if stays_plain(name, value)]
    for step in start_up.init_steps:
        yield Statement("(trap t 0;trap - INT QUIT;")
        hidden = [name for name in main if name not in step.environment and name not in _KEPT_BY_INIT_STEPS]
        if hidden:
            yield Statement(f"unset {' '.join(hidden)};")
        yield from _words(step.argv, values_of(step.environment, step.secret_variables))
        yield from _becoming(
            step.environment,
            step.secret_variables,
            step.working_dir,
            _cannot_run(f"the program of the init container {step.name}", step),
            supervised=True,
            all_variables=True,
        )
        failed = _message(f"the init container {step.name} ended with exit code")
        yield Statement(
            f")& SCVK_c=$!;g;[ $SCVK_r = 0 ]||{{ SCVK_w={failed}\\ $SCVK_r;t $SCVK_r;}};"
            '[ -z "$SCVK_x" ]||{ trap - 0;exit $SCVK_x;};'
        )


def stays_parent(start_up: StartUp) -> bool:
    """Say whether the shell stays beside the program, instead of becoming it."""
    return start_up.termination_message is not None or start_up.post_start is not None


def _program(start_up: StartUp, *, argv_in_command: bool) -> Iterable[Statement]:
    supervised = stays_parent(start_up)
    secrets = values_of(start_up.environment, start_up.secret_variables)
    if not argv_in_command:
        yield from _words(start_up.argv, secrets)
    yield Statement("e(){ trap t 0;")
    yield from _becoming(
        start_up.environment,
        start_up.secret_variables,
        start_up.working_dir,
        '"$SCVK_o"',
        supervised=supervised,
        all_variables=False,
    )
    yield Statement(f"}};SCVK_o={_cannot_run('the program', start_up)};")
    if not supervised:
        yield Statement('e "$@"')
        return
    yield Statement(f"SCVK_w=;{shell.KEEP_INPUT}")
    yield Statement('(trap - INT QUIT;e "$@")<&3 3<&- & SCVK_c=$!;')
    if start_up.post_start is not None:
        yield from _hook(start_up.post_start, secrets)
    yield Statement("g;")
    if start_up.post_start is not None:
        yield Statement(
            # Again and again: a signal that comes while a shell is still being forked is lost in ash.
            '(while kill "$SCVK_h";do sleep 1;done)>/dev/null 2>&1& wait "$SCVK_h" 2>/dev/null;'
            f"[ $? != {START_UP_FAILED_EXIT_CODE} ]||SCVK_r={START_UP_FAILED_EXIT_CODE};"
        )
    if start_up.termination_message is not None:
        yield Statement(shell.MESSAGE)
        yield from _calling("m", (start_up.termination_message.path,))
    yield Statement("trap - 0;exit $SCVK_r")


def _hook(argv: tuple[str, ...], secrets: tuple[str, ...]) -> Iterable[Statement]:
    """A postStart hook. When it fails, the program gets its time to end, as a kubelet gives it."""
    code = START_UP_FAILED_EXIT_CODE
    yield Statement("(trap 'kill -KILL $! 2>/dev/null;exit $SCVK_y' TERM;SCVK_y=0;(")
    yield from _words(argv, secrets)
    yield Statement(f"SCVK_o={_message('cannot run the program of the postStart hook')};")
    yield Statement(
        'trap - INT QUIT;e "$@")& wait $! 2>/dev/null;SCVK_r=$?;[ $SCVK_r = 0 ]||{ '
        f"SCVK_y={code};printf '%s\\n' \"{FAILURE_PREFIX}the postStart hook ended with exit code $SCVK_r\">&2;"
        f'kill -TERM "$SCVK_c";sleep {shell.HOOK_GRACE_S}& wait $! 2>/dev/null;kill -KILL "$SCVK_c";exit {code};}})&'
        " SCVK_h=$!;"
    )


def _becoming(
    environment: Mapping[str, str],
    secret_variables: frozenset[str],
    working_dir: str | None,
    failure: str,
    *,
    supervised: bool,
    all_variables: bool,
) -> Iterable[Statement]:
    """Statements that set the variables, go to the directory, and become the program in "$@"."""
    handed = {name: value for name, value in environment.items() if not survives(name)}
    path = None
    for name, value in environment.items():
        if name in handed or (not all_variables and stays_plain(name, value)):
            continue
        if name == "PATH":
            path = value  # last: the tools are still needed
            continue
        yield from _with_value(value, f"export {name}=", "", secret=name in secret_variables)
    if working_dir is not None:
        complaint = _message(f"cannot go to the working directory {working_dir}")
        yield Statement(f"SCVK_w={complaint};")
        yield from _with_value(working_dir, "set -- ", ' "$@"', secret=False)
        yield Statement('[ -d "$1" ]||mkdir -p "$1"||exit;cd "$1"||exit;shift;')
    if path is None:
        yield Statement("PATH=$SCVK_p;")
    else:
        yield from _with_value(path, "SCVK_p=", "", secret="PATH" in secret_variables)
        yield Statement("export PATH;PATH=$SCVK_p;")
    yield Statement(f"SCVK_w={failure};{shell.CHECK_PROGRAM}")
    yield from _handing_over(handed, secret_variables, supervised=supervised)
    yield Statement(
        'umask "$SCVK_u";unset PWD OLDPWD;[ "$KSH_VERSION" ]||unset SHLVL;shopt -s execfail 2>/dev/null;exec "$@";t;'
    )


def _handing_over(
    handed: Mapping[str, str], secret_variables: frozenset[str], *, supervised: bool
) -> Iterable[Statement]:
    """Put `env` before the program, where variables do not pass through a shell or signals must be set right."""
    if handed or supervised:
        # env would take such a program for a variable; nice has no such idea.
        yield Statement('case $1 in *=*)set -- nice -n 0 "$@";;esac;')
    for name, value in handed.items():
        yield from _with_value(f"{name}={value}", "set -- ", ' "$@"', secret=name in secret_variables)
    options = '${SCVK_n:+"$SCVK_n"} ' if supervised else ""
    if handed:
        yield Statement(f'set -- "$SCVK_e" {options}-- "$@";')
    elif supervised:
        yield Statement('[ -z "$SCVK_n" ]||set -- "$SCVK_e" "$SCVK_n" "$@";')


def _words(argv: tuple[str, ...], secrets: tuple[str, ...]) -> Iterable[Statement]:
    """Set "$@". Arguments that hold the value of a secret variable are marked."""
    yield Statement("set --;")
    for item in argv:
        yield from _with_value(item, 'set -- "$@" ', "", secret=holds_any(item, secrets))


def _with_value(value: str, before: str, after: str, *, secret: bool) -> Iterable[Statement]:
    word = quoted(value)
    if word is None:
        yield Statement(decoding(value), secret)
        word, secret = '"$SCVK_v"', False
    yield Statement(f"{before}{word}{after};", secret)


def _calling(function: str, paths: tuple[str, ...]) -> Iterable[Statement]:
    words: list[str] = []
    for path, variable in zip(paths, ("SCVK_a", "SCVK_b"), strict=False):
        word = quoted(path)
        if word is None:
            yield Statement(decoding(path))
            yield Statement(f"{variable}=$SCVK_v;")
            word = f'"${variable}"'
        words.append(word)
    yield Statement(f"{function} {' '.join(words)};")


def _message(text: str) -> str:
    """Return the text as a word, in one line and not too long, whatever names it holds."""
    shown = "".join(character if " " <= character <= "~" else "?" for character in text[:_LONGEST_MESSAGE])
    return "'" + " ".join(shown.split()).replace("'", "'\\''") + "'"


_LONGEST_MESSAGE = 300


def _cannot_run(what: str, owner: StartUp | InitStep) -> str:
    program = owner.argv[0]
    known = not holds_any(program, values_of(owner.environment, owner.secret_variables))
    return _message(f"cannot run {what}{f' {program}' if known else ''}: it is not there, or may not be run")


def _impossible(start_up: StartUp) -> str | None:
    """Say what no program can be given; Kubernetes lets it pass and a container runtime then refuses it."""
    owners: tuple[StartUp | InitStep, ...] = (start_up, *start_up.init_steps)
    for owner in owners:
        for name, value in owner.environment.items():
            if "\0" in name or "\0" in value:
                return f"the value of the variable {name} has a NUL character"
        if any("\0" in item for item in owner.argv):
            return "an item of a command has a NUL character"
    if any("\0" in item for item in start_up.post_start or ()):
        return "an item of the postStart hook has a NUL character"
    return None

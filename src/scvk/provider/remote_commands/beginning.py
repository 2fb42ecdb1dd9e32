"""The script before a command: as the program's user it goes where the program is, says how that went, and becomes
the command.

The line that it says is described in `first_line`. Whoever sends the script knows the variables already, so that
nothing in the image has to read them: /proc/…/environ has NUL bytes, with which shells can do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scvk.provider.remote_commands.program import DEFAULT_PATH, Program
from scvk.provider.remote_commands.shell import script_call

MOST_COMMAND = 128 * 1024 - 4096
"""Linux takes no longer argument than 128 KiB (MAX_ARG_STRLEN), and an SSH server hands a command on as one."""
TERMINAL = b"xterm"
"""TERM of a command with a terminal, as container runtimes have it."""

# e word: says how it went, and ends. v: whether the program is still the one that was looked at (fields of stat after
# the name; the start is the 20th). The file that a command's first word means is looked for as `execvp` does it.
_SCRIPT = r"""m=$1 p=$2 s=$3 P=$4 w=$5 n=$6;shift 6
e(){ printf '%s %s\n' "$m" "$1";exit 127;}
v(){ shift 19;[ "$1" = "$s" ]||e changed;}
{ read -r l </proc/$p/stat;} 2>/dev/null||e changed
v ${l##*) }
cd -P /proc/$p/cwd 2>/dev/null||cd /
d=
case $w in
*/*)[ -e "$w" ]||e missing;[ -x "$w" ]&&[ ! -d "$w" ]||e denied;;
*)set -f;IFS=:;for d in $P;do if [ -f "${d:-.}/$w" ]&&[ -x "${d:-.}/$w" ];then d=found;break;fi;done
unset IFS;[ "$d" = found ]||e unknown;;
esac
[ -z "$n" ]||printf 'scvk: %s\n' "$n" >&2
printf '%s started %s\n' "$m" $$
"""
_BECOME = 'exec "$@"\n'
# Without `env`, the shell exports what it can, and the login's own variables go.
_EXPORT = """unset HOME USER LOGNAME SHELL MAIL TERM SSH_CLIENT SSH_CONNECTION SSH_TTY
while [ "$1" != -- ];do export "$1";shift;done;shift;exec "$@"
"""


class CommandTooLong(ValueError):
    """A command that no SSH server could start; the text is for people."""


def begin(marker: bytes, program: Program, words: Sequence[bytes], *, tty: bool) -> bytes:
    """Return the command line that runs `words` beside a program. Raises NoWord and CommandTooLong."""
    becoming = program.becoming or ()
    path = program.variable(b"PATH")
    variables = list(_variables(program, tty=tty))
    first = words[0]
    # `env` takes a word with "=" for a variable.
    command = [b"/bin/sh", b"-c", b'exec "$0" "$@"', *words] if b"=" in first else list(words)
    facts = [
        marker,
        str(program.number).encode(),
        program.start,
        DEFAULT_PATH if path is None else path,
        first,
        _note(program).encode(),
    ]
    if program.has_env:
        words_of_env = [b"env", b"-i", b"--", *variables]
        line = script_call(_SCRIPT + _BECOME, [*facts, *words_of_env, *command], becoming=becoming)
    else:
        plain = [variable for variable in variables if _is_plain(variable)]
        line = script_call(_SCRIPT + _EXPORT, [*facts, *plain, b"--", *command], becoming=becoming)
    if len(line) > MOST_COMMAND:
        raise CommandTooLong(
            f"the command and the variables of the pod take {len(line)} bytes together, and a command by SSH can have "
            f"{MOST_COMMAND}"
        )
    return line


def _note(program: Program) -> str:
    """Return what a person should know of how the command runs; nothing where all is as it should be."""
    notes = []
    if program.becoming is None:
        notes.append(f"the image has no program that becomes user {program.user}: the command runs as root")
    if not program.environment:
        notes.append("the variables of the pod's program cannot be read over SSH: the command runs without")
    return "; ".join(notes)


def _variables(program: Program, *, tty: bool) -> Iterator[bytes]:
    names = set()
    for name, value in program.environment:
        names.add(name)
        yield name + b"=" + value
    if b"PATH" not in names:
        yield b"PATH=" + DEFAULT_PATH
    if tty and b"TERM" not in names:
        yield b"TERM=" + TERMINAL


def _is_plain(variable: bytes) -> bool:
    name = variable.partition(b"=")[0]
    return name.replace(b"_", b"a").isalnum() and not name[:1].isdigit() and name.isascii()

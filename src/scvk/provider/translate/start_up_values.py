"""Which strings and names a shell leaves alone, and how those that it would not are written in a script."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from scvk.provider.translate.start_up_shell import CHUNK_PREFIX
from scvk.saladcloud.models.patterns import LINE_BREAKS

MAX_LENGTH = 1000
"""OpenAPI document, CreateContainer: items of `command`, values of `environment_variables`."""
MAX_ITEMS = 100
"""OpenAPI document, CreateContainer: `command`."""

_FITTING = re.compile(f"[^\0{LINE_BREAKS}]{{1,{MAX_LENGTH}}}")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OWN_NAME = re.compile(rf"{CHUNK_PREFIX}.*|SCVK_[a-z]")
# A piece of the script must not begin or end with spaces: a long run of them could not be cut.
_LITERAL = re.compile(r"(?!.*[ ]{100})[\x20-\x7e]*", re.ASCII)

# What dash, bash, busybox's ash and ksh set, count or make read-only themselves, so that a program would not get what
# the pod says, or the script would go wrong. From their manuals' lists of variables.
# fmt: off
_SHELLS_OWN = frozenset({
    "ATTY", "BASH", "BASHOPTS", "BASHPID", "CDPATH", "CHILD_MAX", "COLUMNS", "DIRSTACK", "ENV", "EPOCHREALTIME",
    "EPOCHSECONDS", "EUID", "EXECIGNORE", "FCEDIT", "FIGNORE", "FUNCNAME", "FUNCNEST", "GLOBIGNORE", "GROUPS",
    "HISTCMD", "HISTCONTROL", "HISTFILE", "HISTFILESIZE", "HISTIGNORE", "HISTSIZE", "HISTTIMEFORMAT", "HOSTTYPE",
    "IFS", "IGNOREEOF", "INSIDE_EMACS", "KSH_VERSION", "LINENO", "LINES", "MACHTYPE", "MAIL", "MAILCHECK",
    "MAILPATH", "MAPFILE", "OLDPWD", "OPTARG", "OPTERR", "OPTIND", "OSTYPE", "PIPESTATUS", "POSIXLY_CORRECT",
    "PPID", "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS3", "PS4", "PWD", "RANDOM", "REPLY", "SECONDS", "SHELLOPTS",
    "SHLVL", "SRANDOM", "TIMEFORMAT", "TMOUT", "UID", "_",
})
# fmt: on


def fits(text: str) -> bool:
    """Say whether SaladCloud takes the text as an item of a command or a value, and a program could be given it."""
    return _FITTING.fullmatch(text) is not None


@lru_cache(maxsize=4096)  # the same names come with every pod
def survives(name: str) -> bool:
    """Say whether a variable of this name passes through a shell unharmed. The others are handed over by `env`."""
    return (
        _IDENTIFIER.fullmatch(name) is not None
        and name not in _SHELLS_OWN
        and not name.startswith("BASH_")
        and not is_reserved(name)
    )


def is_reserved(name: str) -> bool:
    """Say whether a variable's name is the wrapper's own; a pod that sets one gets it through all the same."""
    return _OWN_NAME.fullmatch(name) is not None


def quoted(text: str) -> str | None:
    """Return the text as a word of the script, None where it has to be decoded (see `decoded`)."""
    if _LITERAL.fullmatch(text) is None:
        return None
    return "'" + text.replace("'", "'\\''") + "'"


def base64_of(content: bytes) -> str:
    """Return base64 in one line; it needs no quotes in a script."""
    return base64.b64encode(content).decode("ascii")


def decoding(text: str) -> str:
    """Return the statement that leaves the text in the variable SCVK_v."""
    # "surrogatepass": nothing that a pod can hold raises.
    return f"v {base64_of(text.encode('utf-8', 'surrogatepass'))};"


def holds_any(text: str, values: Iterable[str]) -> bool:
    """Say whether one of the values stands in the text: it came there by expansion of `$(NAME)`."""
    return any(value in text for value in values)


def values_of(environment: Mapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the values of those of the names that are there and not empty."""
    return tuple(value for name in names if (value := environment.get(name)))

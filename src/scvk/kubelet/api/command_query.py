"""The query of `/exec`, `/attach` and `/run`, and the protocols that SPDY clients offer: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import QueryParams

from scvk.kubelet.api.log_query import WrongQuery
from scvk.kubelet.capabilities import RemoteCommand

STREAM_PROTOCOL_HEADER = "X-Stream-Protocol-Version"
ACCEPTED_PROTOCOLS_HEADER = "X-Accepted-Stream-Protocol-Versions"
SPDY = "SPDY/3.1"
SPDY_COMMAND_PROTOCOLS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v3.channel.k8s.io",
    "v2.channel.k8s.io",
    "channel.k8s.io",
)
_WITH_SIZES = SPDY_COMMAND_PROTOCOLS[:3]
_WITH_STATUS = SPDY_COMMAND_PROTOCOLS[:2]
SPDY_PORT_FORWARD_PROTOCOLS = ("portforward.k8s.io",)


@dataclass(frozen=True, slots=True)
class CommandQuery:
    """What is to be run, and which streams the client wants."""

    command: RemoteCommand
    stdout: bool
    stderr: bool

    def stream_types(self, protocol: str) -> tuple[str, ...]:
        """Return the SPDY streams that the client will open."""
        wanted = (
            ("error", True),
            ("stdin", self.command.stdin),
            ("stdout", self.stdout),
            ("stderr", self.stderr),
            ("resize", self.command.tty and protocol in _WITH_SIZES),
        )
        return tuple(name for name, is_wanted in wanted if is_wanted)


def tells_status(protocol: str) -> bool:
    """Say whether a SPDY protocol tells the end of a command as a Status object."""
    return protocol in _WITH_STATUS


def command_query(query_string: bytes, *, needs_command: bool) -> CommandQuery:
    """Return what a query asks for; raises WrongQuery.

    Words may be of any bytes: those that are no UTF-8 stay what they are, as surrogate escapes (PEP 383).
    """
    query = QueryParams(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"))
    stdin, stdout, stderr, tty = (
        any(query.get(name) in ("1", "true") for name in names)
        for names in (("input", "stdin"), ("output", "stdout"), ("error", "stderr"), ("tty",))
    )
    if tty:
        stderr = False  # a terminal has one output
    if not (stdin or stdout or stderr):
        raise WrongQuery("you must specify at least 1 of stdin, stdout, stderr")
    words = tuple(query.getlist("command"))
    if needs_command and not words:
        raise WrongQuery("you must specify a command")
    return CommandQuery(RemoteCommand(words, stdin, tty), stdout, stderr)


def chosen_stream_protocol(offered: Sequence[str], known: Sequence[str]) -> str | None:
    """Return the first offered protocol that is known; who offers none gets the oldest."""
    names = [name for value in offered for part in value.split(",") if (name := part.strip())]
    if not names:
        return known[-1]
    return next((name for name in names if name in known), None)

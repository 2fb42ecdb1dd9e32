"""Random and damaged bytes for all that reads what callers send: `python -m tests.integration.kubelet_api.fuzz`.

Each case follows from its number. Whatever comes: nothing but the protocol's own error is raised, any split of the
bytes gives the same events, and what is kept does not grow beyond what the protocol allows.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from scvk.kubelet.api.channels import (
    PORT_FORWARD_PROTOCOLS,
    REMOTE_COMMAND_PROTOCOLS,
    ChannelData,
    ChannelError,
    ChannelReader,
    message_of,
)
from scvk.kubelet.api.log_query import WrongQuery, log_view
from scvk.kubelet.api.spdy import DataReceived, SpdyConnection
from scvk.kubelet.api.terminal_size import MAX_SIZE_TEXT, TerminalSizeReader
from scvk.kubelet.api.websocket import WebSocket

LONGEST = 4096
MOST_TO_SEND = 1024 * 1024
"""Bytes of answers that wait, for a case of at most LONGEST bytes."""
MOST_GROWTH_KIB = 200 * 1024
TOLD_EVERY_S = 30.0
_PROTOCOLS = (*REMOTE_COMMAND_PROTOCOLS, *PORT_FORWARD_PROTOCOLS)


class Failure(Exception):
    """A case that went wrong; the text says which and how."""


# -- what is sent ----------------------------------------------------------------------------------------------------


def noise(random: Random) -> bytes:
    return random.randbytes(random.randrange(random.choice((8, 64, LONGEST))))


def damaged(random: Random, data: bytes) -> bytes:
    """Return bytes that were right once, mostly."""
    found = bytearray(data)
    for _ in range(random.choice((0, 0, 1, 1, 2, 8))):
        at = random.randrange(len(found) + 1)
        match random.randrange(4):
            case 0 if found:
                found[at % len(found)] = random.randrange(256)
            case 1:
                found[at:at] = random.randbytes(random.randrange(9))
            case 2:
                del found[at : at + random.randrange(9)]
            case _:
                found += found[at : at + random.randrange(64)]
    return bytes(found[:LONGEST])


def spdy_talk(random: Random) -> bytes:
    """Return what a client says, sensible in itself."""
    client = SpdyConnection(client=True)
    streams: list[int] = []
    for _ in range(random.randrange(12)):
        match random.randrange(6):
            case 0 | 1:
                kind = random.choice(("stdin", "stdout", "data", "error", ""))
                streams.append(client.open_stream({"streamtype": kind, "port": str(random.randrange(70000))}))
            case 2 | 3 if streams:
                stream = random.choice(streams)
                if client.is_open(stream):
                    client.send_data(stream, random.randbytes(random.randrange(200)), end=random.random() < 0.2)
            case 4 if streams:
                client.reset(random.choice(streams))
            case 5:
                client.ping()
            case _:
                client.go_away()
    return client.data_to_send()


def websocket_talk(random: Random) -> bytes:
    """Return the frames of a client."""
    client = Connection(ConnectionType.CLIENT)
    said = b""
    for _ in range(random.randrange(8)):
        match random.randrange(5):
            case 0 | 1:
                said += client.send(BytesMessage(random.randbytes(random.randrange(300)), random.random() < 0.7))
            case 2:
                said += client.send(TextMessage("x" * random.randrange(50)))
            case 3:
                said += client.send(Ping(random.randbytes(random.randrange(100))))
            case _:
                return said + client.send(CloseConnection(code=1000))
    return said


def splits(random: Random, data: bytes) -> list[bytes]:
    """Return the bytes in pieces of any size, none among them."""
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(12)))
    edges = [0, *cuts, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


# -- who reads it ----------------------------------------------------------------------------------------------------


def read_spdy(pieces: list[bytes]) -> list[object]:
    """Return the events, data in one piece where it belongs together."""
    connection = SpdyConnection()
    found: list[object] = []
    for piece in pieces:
        for event in connection.receive_data(piece):
            last = found[-1] if found else None
            if isinstance(event, DataReceived) and isinstance(last, DataReceived) and last.stream == event.stream:
                found[-1] = DataReceived(event.stream, last.data + event.data, event.end)
            else:
                found.append(event)
    if connection.waiting > MOST_TO_SEND:
        raise Failure(f"{connection.waiting} bytes wait to be sent")
    return [repr(event) for event in found]


def channel_reader(number: int) -> Callable[[list[bytes]], list[object]]:
    """Return a reader of one message in one of the subprotocols."""
    protocol = _PROTOCOLS[number % len(_PROTOCOLS)]

    def read(pieces: list[bytes]) -> list[object]:
        reader = ChannelReader(protocol)
        data, others = bytearray(), []
        try:
            for number, piece in enumerate(pieces):
                for event in reader.receive(piece, is_last=number == len(pieces) - 1):
                    if isinstance(event, ChannelData):
                        data += event.data
                    else:
                        others.append(event)
        except ChannelError:
            return ["error"]
        return [bytes(data), others]

    return read


def read_sizes(pieces: list[bytes]) -> list[object]:
    reader = TerminalSizeReader()
    found: list[object] = []
    for piece in pieces:
        found += reader.receive(piece)
    if len(reader._text) > MAX_SIZE_TEXT + LONGEST:
        raise Failure(f"{len(reader._text)} characters are kept")
    return found


class _Pieces:
    """A `ByteStream` that says these, and takes all that it is told."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.sent = 0

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def write(self, data: bytes) -> None:
        self.sent += len(data)

    def close(self) -> None:
        pass


async def _websocket(pieces: list[bytes]) -> list[object]:
    stream = _Pieces(pieces)
    messages, message = [], b""
    async for piece, is_last in WebSocket(stream).pieces():
        message += piece
        if is_last:
            messages.append(message)
            message = b""
    if stream.sent > MOST_TO_SEND:
        raise Failure(f"{stream.sent} bytes were answered")
    return [messages]


def read_websocket(pieces: list[bytes]) -> list[object]:
    with asyncio.Runner() as runner:
        return runner.run(_websocket(pieces))


def read_log_query(pieces: list[bytes]) -> list[object]:
    """Take a query of these words; the split is none here, but that names and values come from it."""
    words = b"".join(pieces).decode("utf-8", "replace").split("&")
    query = dict(word.partition("=")[::2] for word in words)
    try:
        return [log_view(query, "main", datetime(2026, 1, 1, tzinfo=UTC))]
    except WrongQuery:
        return ["error"]


def query_talk(random: Random) -> bytes:
    names = (
        "sinceSeconds",
        "sinceTime",
        "tailLines",
        "tail",
        "limitBytes",
        "follow",
        "previous",
        "stream",
        "timestamps",
    )
    values = (
        "",
        "-1",
        "0",
        "7",
        "true",
        "all",
        "2026-01-01T00:00:00Z",
        "9" * 30,
        "Stdout",
        "0001-01-01T00:00:00+14:00",
    )
    return "&".join(f"{random.choice(names)}={random.choice(values)}" for _ in range(random.randrange(5))).encode()


def play(number: int) -> None:
    """Play one case. Raises Failure."""
    random = Random(number)
    protocol = _PROTOCOLS[number % len(_PROTOCOLS)]
    message = message_of(protocol, random.randrange(6), random.randbytes(random.randrange(300)))
    sizes = b"".join(b'{"Width":%d,"Height":%d}' % (random.randrange(300), n) for n in range(random.randrange(9)))
    targets: tuple[tuple[str, bytes, Callable[[list[bytes]], list[object]]], ...] = (
        ("SPDY", spdy_talk(random), read_spdy),
        ("WebSocket", websocket_talk(random), read_websocket),
        ("channels", message.encode() if isinstance(message, str) else message, channel_reader(number)),
        ("terminal sizes", sizes, read_sizes),
        ("log query", query_talk(random), read_log_query),
    )
    for name, talk, read in targets:
        data = noise(random) if random.random() < 0.2 else damaged(random, talk)
        try:
            whole, split = read([data]), read(splits(random, data))
        except Failure as failure:
            raise Failure(f"case {number}, {name}: {failure}: {data.hex()}") from failure
        except Exception as error:
            raise Failure(f"case {number}, {name}: {type(error).__name__}: {error}: {data.hex()}") from error
        if whole != split:
            raise Failure(f"case {number}, {name}: a split makes a difference: {data.hex()}")


def main(arguments: list[str]) -> int:
    """Play cases for a time; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--first", type=int, default=time.time_ns() % 10**12, help="number of the first case")
    given = parser.parse_args(arguments)
    began = told = time.monotonic()
    played, bad = 0, 0
    start_kib = 0
    while time.monotonic() - began < given.seconds:
        try:
            play(given.first + played)
        except Failure as failure:
            bad += 1
            print(failure, file=sys.stderr)
        played += 1
        if played == 1000:
            start_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if time.monotonic() - told > TOLD_EVERY_S:
            told = time.monotonic()
            print(f"{played:,} cases from {given.first}, {bad} bad", file=sys.stderr)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start_kib if start_kib else 0
    print(f"{played:,} cases from {given.first}, {bad} bad, memory grown by {grown_kib // 1024} MiB", file=sys.stderr)
    return 1 if bad or grown_kib > MOST_GROWTH_KIB else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

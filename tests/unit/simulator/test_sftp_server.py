"""The SFTP server's answers to packets, without any SSH around it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from scvk.simulator.launcher.sftp import SftpServer, serve
from scvk.simulator.launcher.sftp_wire import Fields, Status, framed, packed_string

INIT, OPEN, CLOSE, READ, WRITE, READDIR, STAT, EXTENDED = 1, 3, 4, 5, 6, 12, 17, 200
VERSION, STATUS, HANDLE, DATA, ATTRS = 2, 101, 102, 103, 105
READING, WRITING, CREATING = 0x01, 0x02, 0x08


def request(kind: int, *fields: bytes, number: int = 7) -> bytes:
    return bytes([kind]) + number.to_bytes(4, "big") + b"".join(fields)


def answered(server: SftpServer, packet: bytes) -> tuple[int, Fields]:
    """Kind and fields of the one answer, after its number was compared."""
    answer = server.answer(packet)
    assert int.from_bytes(answer[:4], "big") == len(answer) - 4
    fields = Fields(answer[5:])
    assert fields.uint32() == 7
    return answer[4], fields


def number(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "big")


def test_it_speaks_version_3_whatever_the_client_offers() -> None:
    answer = SftpServer().answer(bytes([INIT]) + number(6))
    assert answer[4] == VERSION
    assert int.from_bytes(answer[5:9], "big") == 3
    assert b"posix-rename@openssh.com" in answer


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    server, path = SftpServer(), packed_string(os.fsencode(tmp_path / "file"))
    kind, fields = answered(server, request(OPEN, path, number(READING | WRITING | CREATING), number(0)))
    assert kind == HANDLE
    handle = packed_string(fields.string())
    kind, fields = answered(server, request(WRITE, handle, number(2, 8), packed_string(b"text")))
    assert (kind, fields.uint32()) == (STATUS, Status.OK)
    kind, fields = answered(server, request(READ, handle, number(0, 8), number(100)))
    assert (kind, fields.string()) == (DATA, b"\0\0text")
    kind, fields = answered(server, request(READ, handle, number(6, 8), number(100)))
    assert (kind, fields.uint32()) == (STATUS, Status.EOF)
    kind, fields = answered(server, request(CLOSE, handle))
    assert (kind, fields.uint32()) == (STATUS, Status.OK)
    kind, fields = answered(server, request(READ, handle, number(0, 8), number(100)))
    assert (kind, fields.uint32()) == (STATUS, Status.NO_SUCH_FILE)


def test_attributes_are_the_file_s(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    kind, fields = answered(SftpServer(), request(STAT, packed_string(os.fsencode(tmp_path / "file"))))
    assert (kind, fields.attributes().size) == (ATTRS, 5)


def test_an_unknown_request_is_unsupported_and_a_short_one_a_bad_message() -> None:
    server = SftpServer()
    for packet, status in [
        (request(99), Status.UNSUPPORTED),
        (request(EXTENDED, packed_string(b"no-such@example.org")), Status.UNSUPPORTED),
        (request(OPEN, number(1000)), Status.BAD_MESSAGE),
        (request(STAT, packed_string(b"a\0b")), Status.BAD_MESSAGE),
    ]:
        kind, fields = answered(server, packet)
        assert (kind, fields.uint32()) == (STATUS, status)


# Requests that only look: the others would do on this machine what they say.
@given(kind=st.sampled_from([1, 5, 8, 12, 16, 17, 19, 99, 200]), rest=st.binary(max_size=60))
def test_any_bytes_get_exactly_one_framed_answer(kind: int, rest: bytes) -> None:
    answer = SftpServer().answer(bytes([kind]) + rest)
    assert int.from_bytes(answer[:4], "big") == len(answer) - 4


@given(data=st.data())
def test_any_split_of_the_bytes_gives_the_same_answers(data: st.DataObject) -> None:
    stream = framed(bytes([INIT]) + number(3)) + framed(request(READDIR, packed_string(b"none"))) * 2
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=5)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert served(pieces) == served([stream])


def test_what_cannot_be_a_packet_ends_the_session() -> None:
    assert served([number(2**31), b"x"]) == b""
    assert served([number(0)]) == b""


def served(pieces: list[bytes]) -> bytes:
    """What the server writes until it ends, when these pieces come one after the other."""
    (input_read, input_write), (output_read, output_write) = os.pipe(), os.pipe()

    def run() -> None:
        serve(input_read, output_write)
        os.close(output_write)

    thread = threading.Thread(target=run)
    thread.start()
    for piece in pieces:
        os.write(input_write, piece)
    os.close(input_write)
    with os.fdopen(output_read, "rb") as answers:
        text = answers.read()
    thread.join()
    os.close(input_read)
    return text

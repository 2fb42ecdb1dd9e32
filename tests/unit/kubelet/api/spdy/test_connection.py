"""Connections: two machines talk to each other, and to peers that do not keep to the rules."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scvk.kubelet.api.spdy import (
    ConnectionFailed,
    DataReceived,
    Event,
    GoneAway,
    HeadersReceived,
    PingAnswered,
    ResetStatus,
    SpdyConnection,
    StreamOpened,
    StreamReplied,
    StreamReset,
    WindowOpened,
)
from scvk.kubelet.api.spdy.frames import (
    Data,
    Frame,
    FrameReader,
    GoAway,
    HeadersFrame,
    Ping,
    RstStream,
    Settings,
    SynStream,
    WindowUpdate,
    frame_bytes,
)
from scvk.kubelet.api.spdy.header_block import HeaderCompressor

KIB = 1024


class Pair:
    """A client and a server; `to_server` and `to_client` carry over what is waiting."""

    def __init__(self) -> None:
        self.client = SpdyConnection(client=True)
        self.server = SpdyConnection()

    def to_server(self) -> list[Event]:
        return self.server.receive_data(self.client.data_to_send())

    def to_client(self) -> list[Event]:
        return self.client.receive_data(self.server.data_to_send())

    def open(self, **headers: str) -> int:
        stream = self.client.open_stream(headers)
        self.to_server()
        self.server.reply(stream)
        self.to_client()
        return stream


def sent(connection: SpdyConnection) -> list[Frame]:
    return list(FrameReader().receive(connection.data_to_send()))


def test_a_stream_is_opened_and_accepted() -> None:
    pair = Pair()
    stream = pair.client.open_stream({"streamType": "stdin"})
    assert pair.to_server() == [StreamOpened(1, {"streamtype": ("stdin",)}, end=False)]
    pair.server.reply(stream)
    assert pair.to_client() == [StreamReplied(1, {}, end=False)]


def test_streams_of_the_client_are_odd_and_of_the_server_even() -> None:
    pair = Pair()
    assert [pair.client.open_stream({}) for _ in range(2)] == [1, 3]
    assert [pair.server.open_stream({}) for _ in range(2)] == [2, 4]


def test_data_goes_both_ways_and_each_side_ends_for_itself() -> None:
    pair = Pair()
    stream = pair.open()
    assert pair.client.send_data(stream, b"ask", end=True) == 3
    assert pair.to_server() == [DataReceived(stream, b"ask", end=True)]
    assert not pair.client.is_open(stream)
    assert pair.server.send_data(stream, b"answer") == 6
    assert pair.to_client() == [DataReceived(stream, b"answer", end=False)]
    pair.server.send_data(stream, b"", end=True)
    assert pair.to_client() == [DataReceived(stream, b"", end=True)]
    assert pair.client._streams == pair.server._streams == {}


def test_a_ping_of_the_other_side_is_answered_and_our_own_is_told() -> None:
    pair = Pair()
    ping = pair.client.ping()
    assert pair.to_server() == []
    assert pair.to_client() == [PingAnswered(ping)]
    assert pair.to_server() == []


def test_going_away_refuses_what_comes_after() -> None:
    pair = Pair()
    pair.open()
    pair.server.go_away()
    assert pair.to_client() == [GoneAway(1, 0)]
    pair.client.open_stream({})
    assert pair.to_server() == []


def test_a_reset_ends_both_directions() -> None:
    pair = Pair()
    stream = pair.open()
    pair.server.reset(stream)
    assert pair.to_client() == [StreamReset(stream, ResetStatus.CANCEL)]
    assert pair.client.send_data(stream, b"late") == 0


def test_further_headers_of_a_stream_are_told() -> None:
    pair = Pair()
    stream = pair.open()
    pair.server.receive_data(b"")
    block = pair.client._pack({"more": "1"})
    assert pair.server.receive_data(frame_bytes(HeadersFrame(stream, block))) == [
        HeadersReceived(stream, {"more": ("1",)}, end=False)
    ]


def test_more_than_a_window_is_not_sent_to_a_peer_that_has_windows() -> None:
    pair = Pair()
    stream = pair.open()
    pair.client.receive_data(frame_bytes(WindowUpdate(stream, 1)))
    assert pair.client.send_data(stream, bytes(100 * KIB)) == 64 * KIB + 1
    assert pair.client.writable(stream) == 0
    assert pair.client.receive_data(frame_bytes(WindowUpdate(stream, 10 * KIB))) == [WindowOpened(stream)]
    assert pair.client.send_data(stream, bytes(100 * KIB)) == 10 * KIB


def test_what_is_consumed_is_given_back_in_portions() -> None:
    pair = Pair()
    stream = pair.open()
    pair.client.send_data(stream, bytes(60 * KIB))
    pair.to_server()
    pair.server.acknowledge(stream, 10 * KIB)
    assert sent(pair.server) == []
    pair.server.acknowledge(stream, 10 * KIB)
    assert sent(pair.server) == [WindowUpdate(stream, 20 * KIB)]


def test_a_peer_that_never_updates_windows_gets_all_the_same_what_it_reads() -> None:
    pair = Pair()
    stream = pair.open()
    assert pair.server.send_data(stream, bytes(100 * KIB)) == 64 * KIB
    frames = sent(pair.server)
    ping = frames[-1]
    assert isinstance(ping, Ping)
    assert pair.server.receive_data(frame_bytes(ping)) == [WindowOpened(None), PingAnswered(ping.ping)]
    assert pair.server.send_data(stream, bytes(1000 * KIB)) == 1000 * KIB


def test_one_ping_asks_for_all_streams() -> None:
    pair = Pair()
    one, two = pair.open(), pair.open()
    pair.server.send_data(one, bytes(100 * KIB))
    pair.server.send_data(two, bytes(100 * KIB))
    assert len([frame for frame in sent(pair.server) if isinstance(frame, Ping)]) == 1


def test_a_peer_that_updated_a_window_is_held_to_them_though_it_answers_pings() -> None:
    pair = Pair()
    stream = pair.open()
    pair.server.send_data(stream, bytes(100 * KIB))
    ping = sent(pair.server)[-1]
    pair.server.receive_data(frame_bytes(WindowUpdate(stream, 5)) + frame_bytes(ping))
    assert pair.server.send_data(stream, bytes(100 * KIB)) == 5


def test_settings_change_the_windows_of_open_streams() -> None:
    pair = Pair()
    stream = pair.open()
    pair.server.send_data(stream, bytes(10 * KIB))
    assert pair.server.receive_data(frame_bytes(Settings({7: 4 * KIB}))) == [WindowOpened(None)]
    assert pair.server.send_data(stream, b"x") == 0
    pair.server.receive_data(frame_bytes(WindowUpdate(stream, 7 * KIB)))
    assert pair.server.send_data(stream, bytes(10 * KIB)) == 1 * KIB


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        pytest.param(2, ResetStatus.PROTOCOL_ERROR, id="even"),
        pytest.param(1, ResetStatus.PROTOCOL_ERROR, id="not-growing"),
    ],
)
def test_a_stream_with_a_wrong_number_is_reset_and_the_connection_goes_on(stream: int, status: int) -> None:
    server, pack = SpdyConnection(), HeaderCompressor().pack
    server.receive_data(frame_bytes(SynStream(5, pack({}))))
    server.receive_data(frame_bytes(SynStream(stream, pack({}))))
    assert sent(server) == [RstStream(stream, status)]
    assert server.receive_data(frame_bytes(SynStream(7, pack({"a": "b"})))) == [
        StreamOpened(7, {"a": ("b",)}, end=False)
    ]


def test_too_many_streams_are_refused_and_cost_nothing() -> None:
    server, pack = SpdyConnection(max_streams=2), HeaderCompressor().pack
    for stream in (1, 3, 5):
        server.receive_data(frame_bytes(SynStream(stream, pack({}))))
    assert sent(server) == [RstStream(5, ResetStatus.REFUSED_STREAM)]
    assert len(server._streams) == 2


def test_data_on_a_stream_that_never_was_is_answered_and_on_one_that_ended_is_not() -> None:
    pair = Pair()
    stream = pair.open()
    pair.server.reset(stream)
    pair.server.data_to_send()
    assert pair.server.receive_data(frame_bytes(Data(stream, b"late"))) == []
    assert sent(pair.server) == []
    assert pair.server.receive_data(frame_bytes(Data(99, b"?"))) == []
    assert sent(pair.server) == [RstStream(99, ResetStatus.INVALID_STREAM)]


def test_data_on_a_stream_that_never_was_is_answered_once_a_frame_however_it_arrives() -> None:
    server = SpdyConnection()
    for byte in frame_bytes(Data(99, b"many pieces")):
        server.receive_data(bytes((byte,)))
    assert sent(server) == [RstStream(99, ResetStatus.INVALID_STREAM)]


def test_data_behind_the_end_resets_the_stream() -> None:
    pair = Pair()
    stream = pair.open()
    pair.server.receive_data(frame_bytes(Data(stream, b"", fin=True)))
    assert pair.server.receive_data(frame_bytes(Data(stream, b"x"))) == [
        StreamReset(stream, ResetStatus.STREAM_ALREADY_CLOSED)
    ]


def test_a_broken_protocol_is_the_last_event_and_said_to_the_other_side() -> None:
    server = SpdyConnection()
    (event,) = server.receive_data(b"\x80\x02" * 8)
    assert isinstance(event, ConnectionFailed)
    assert sent(server) == [GoAway(0, 1)]
    assert server.receive_data(frame_bytes(Ping(1))) == []


def _joined(events: list[Event]) -> list[Event | str]:
    joined: list[Event | str] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, ConnectionFailed):
            joined.append(str(event.error))
        elif isinstance(event, DataReceived) and isinstance(last, DataReceived) and event.stream == last.stream:
            joined[-1] = replace(event, data=last.data + event.data)
        else:
            joined.append(event)
    return joined


def _conversation() -> bytes:
    pack = HeaderCompressor().pack
    frames: list[Frame] = [
        SynStream(1, pack({"streamtype": "error"})),
        SynStream(3, pack({"streamtype": "stdin", "x": "y" * 50})),
        Ping(1),
        Data(3, b"some input" * 20),
        Settings({7: 100_000, 4: 10}),
        WindowUpdate(3, 1000),
        HeadersFrame(3, pack({"later": "1"})),
        Data(3, b"the end", fin=True),
        Data(1, b"", fin=True),
        GoAway(0, 0),
    ]
    return b"".join(frame_bytes(frame) for frame in frames)


@given(st.lists(st.integers(1, 60), min_size=1), st.integers(-1, 60), st.integers(0, 255))
def test_any_split_of_the_bytes_gives_the_same_events_and_answers(sizes: list[int], at: int, byte: int) -> None:
    stream = bytearray(_conversation())
    if at >= 0:  # also where something is wrong
        stream[at] = byte
    whole, pieces = SpdyConnection(), SpdyConnection()
    expected = _joined(whole.receive_data(bytes(stream)))
    events: list[Event] = []
    position = 0
    while position < len(stream):
        for size in sizes:
            events += pieces.receive_data(bytes(stream[position : position + size]))
            position += size
    assert _joined(events) == expected
    assert pieces.data_to_send() == whole.data_to_send()


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=40))))
def test_changed_conversations_raise_nothing_and_keep_little(changes: list[tuple[int, bytes]]) -> None:
    stream = bytearray(_conversation())
    for at, piece in changes:
        stream[at : at + len(piece)] = piece
    server = SpdyConnection()
    server.receive_data(bytes(stream))
    assert len(server.data_to_send()) <= 20 * len(stream)
    assert len(server._streams) <= len(stream) // 18

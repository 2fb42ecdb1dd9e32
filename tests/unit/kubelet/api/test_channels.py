"""Channels in WebSocket messages: every subprotocol, in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.api.channels import (
    PORT_FORWARD_PROTOCOLS,
    REMOTE_COMMAND_PROTOCOLS,
    RESIZE,
    STDIN,
    STDOUT,
    ChannelClosed,
    ChannelData,
    ChannelError,
    ChannelProtocol,
    ChannelReader,
    chosen_protocol,
    message_of,
)

V5 = REMOTE_COMMAND_PROTOCOLS[0]
V4 = REMOTE_COMMAND_PROTOCOLS[1]
BASE64 = REMOTE_COMMAND_PROTOCOLS[2]


def as_bytes(message: bytes | str) -> bytes:
    return message.encode() if isinstance(message, str) else message


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        pytest.param(["v5.channel.k8s.io", "v4.channel.k8s.io"], "v5.channel.k8s.io", id="kubectl"),
        pytest.param(["v4.channel.k8s.io"], "v4.channel.k8s.io", id="python-client"),
        pytest.param(
            ["v9.channel.k8s.io", "base64.channel.k8s.io"], "base64.channel.k8s.io", id="an-unknown-one-first"
        ),
        pytest.param([], "", id="none"),
    ],
)
def test_the_first_offer_that_is_known_is_chosen(offered: list[str], chosen: str) -> None:
    protocol = chosen_protocol(offered, REMOTE_COMMAND_PROTOCOLS)
    assert protocol is not None
    assert protocol.name == chosen


def test_offers_of_which_none_is_known_are_refused() -> None:
    assert chosen_protocol(["graphql-ws"], REMOTE_COMMAND_PROTOCOLS) is None
    assert chosen_protocol(["v5.channel.k8s.io"], PORT_FORWARD_PROTOCOLS) is None


def test_a_message_begins_with_its_channel() -> None:
    assert message_of(V4, STDOUT, b"out") == b"\x01out"
    assert message_of(BASE64, STDOUT, b"out") == "1b3V0"


@pytest.mark.parametrize("protocol", REMOTE_COMMAND_PROTOCOLS, ids=lambda protocol: protocol.name or "none")
@given(
    messages=st.lists(st.tuples(st.integers(0, 4), st.binary(min_size=1, max_size=40))),
    sizes=st.lists(st.integers(1, 9), min_size=1),
)
def test_data_is_the_same_however_messages_are_cut(
    protocol: ChannelProtocol, messages: list[tuple[int, bytes]], sizes: list[int]
) -> None:
    reader = ChannelReader(protocol)
    received: list[tuple[int, bytes]] = []
    for channel, data in messages:
        rest, together = as_bytes(message_of(protocol, channel, data)), b""
        turn = 0
        while rest:
            size = sizes[turn % len(sizes)]
            turn += 1
            for event in reader.receive(rest[:size], is_last=size >= len(rest)):
                assert isinstance(event, ChannelData)
                assert event.channel == channel
                together += event.data
            rest = rest[size:]
        received.append((channel, together))
    assert received == messages


def test_only_v5_closes_channels() -> None:
    assert ChannelReader(V5).receive(b"\xff\x00", is_last=True) == [ChannelClosed(STDIN)]
    assert ChannelReader(V4).receive(b"\xff\x00", is_last=True) == [ChannelData(255, b"\x00")]


def test_a_message_without_data_tells_nothing() -> None:
    reader = ChannelReader(V4)
    assert reader.receive(b"", is_last=True) == reader.receive(b"\x00", is_last=True) == []


def test_a_channel_that_does_not_exist_is_told_and_left_to_the_caller() -> None:
    assert ChannelReader(V4).receive(b"\x63x", is_last=True) == [ChannelData(99, b"x")]
    assert ChannelReader(BASE64).receive(b"4e30=", is_last=True) == [ChannelData(RESIZE, b"{}")]


@given(st.lists(st.tuples(st.binary(max_size=30), st.booleans())), st.sampled_from(REMOTE_COMMAND_PROTOCOLS))
def test_random_messages_raise_nothing_but_the_protocol_error(
    pieces: list[tuple[bytes, bool]], protocol: ChannelProtocol
) -> None:
    reader = ChannelReader(protocol)
    for piece, is_last in pieces:
        try:
            reader.receive(piece, is_last=is_last)
        except ChannelError:
            return
        assert len(reader._odd) < 4


@pytest.mark.parametrize(
    "pieces",
    [
        [b"0cHY=cHY="],
        [b"0cHY=", b"cHY="],
        [b"0cHY=c", b"HY="],
        [b"0c=Y=", b""],
        [b"0cHY", b""],
        [b"0cHYx="],
        [b"0===="],
    ],
)
def test_padding_of_base64_is_at_its_end_and_right(pieces: list[bytes]) -> None:
    def read() -> None:
        reader = ChannelReader(BASE64)
        for number, piece in enumerate(pieces):
            reader.receive(piece, is_last=number == len(pieces) - 1)

    with pytest.raises(ChannelError):
        read()


def test_each_message_of_base64_may_have_padding() -> None:
    reader = ChannelReader(BASE64)
    for _ in range(2):
        assert reader.receive(b"0cHY=", is_last=True) == [ChannelData(STDIN, b"pv")]

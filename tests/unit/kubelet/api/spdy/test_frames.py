"""Frames: written and read back, cut anywhere, wrong in every way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.api.spdy.errors import SpdyError
from scvk.kubelet.api.spdy.frames import (
    MAX_CONTROL_PAYLOAD,
    Data,
    Frame,
    FrameReader,
    GoAway,
    HeadersFrame,
    Ping,
    RstStream,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
    frame_bytes,
)

FRAMES = [
    pytest.param(SynStream(1, b"block"), "800300010000000f00000001000000000000626c6f636b", id="syn-stream"),
    pytest.param(
        SynStream(3, b"", fin=True, unidirectional=True),
        "800300010300000a00000003000000000000",
        id="syn-stream-flags",
    ),
    pytest.param(SynReply(1, b"b", fin=True), "80030002010000050000000162", id="syn-reply"),
    pytest.param(RstStream(5, 3), "80030003000000080000000500000003", id="rst-stream"),
    pytest.param(Settings({7: 65536}), "800300040000000c000000010000000700010000", id="settings"),
    pytest.param(Ping(2), "800300060000000400000002", id="ping"),
    pytest.param(GoAway(9, 1), "80030007000000080000000900000001", id="goaway"),
    pytest.param(HeadersFrame(1, b"b"), "80030008000000050000000162", id="headers"),
    pytest.param(WindowUpdate(1, 100), "80030009000000080000000100000064", id="window-update"),
    pytest.param(Data(1, b"abc", fin=True), "0000000101000003616263", id="data"),
    pytest.param(Data(1, b"", fin=True), "0000000101000000", id="end"),
]


@pytest.mark.parametrize(("frame", "expected"), FRAMES)
def test_a_frame_is_written_as_the_draft_says_and_read_back(frame: Frame, expected: str) -> None:
    assert frame_bytes(frame).hex() == expected
    assert list(FrameReader().receive(bytes.fromhex(expected))) == [frame]


def _joined(frames: list[Frame]) -> list[Frame]:
    """Return the frames with neighbouring pieces of data put together."""
    joined: list[Frame] = []
    for frame in frames:
        last = joined[-1] if joined else None
        if isinstance(frame, Data) and isinstance(last, Data) and last.stream == frame.stream and not last.fin:
            joined[-1] = Data(frame.stream, last.data + frame.data, frame.fin)
        else:
            joined.append(frame)
    return joined


@given(st.lists(st.sampled_from([p.values[0] for p in FRAMES])), st.integers(1, 9))
def test_frames_are_the_same_however_the_bytes_are_cut(frames: list[Frame], size: int) -> None:
    stream = b"".join(frame_bytes(frame) for frame in frames)
    reader = FrameReader()
    pieces = [frame for at in range(0, len(stream), size) for frame in reader.receive(stream[at : at + size])]
    assert _joined(pieces) == _joined(frames)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("800200060000000400000002", id="version-2"),
        pytest.param("000000000000000161", id="data-on-stream-0"),
        pytest.param("80030003000000080000000000000003", id="reset-of-stream-0"),
        pytest.param("80030006000000050000000200", id="long-ping"),
        pytest.param("8003000100000009000000010000000000", id="short-syn-stream"),
        pytest.param("800300040000000c000000020000000700010000", id="settings-that-lack-one"),
        pytest.param("8003000400000004ffffffff", id="four-billion-settings"),
        pytest.param("8003000100ffffff", id="sixteen-megabytes-of-headers"),
    ],
)
def test_a_wrong_frame_is_the_protocol_error(data: str) -> None:
    with pytest.raises(SpdyError):
        list(FrameReader().receive(bytes.fromhex(data)))


def test_an_unknown_control_frame_is_skipped_without_being_kept() -> None:
    reader = FrameReader()
    header = bytes.fromhex("8003000c00fffff0")
    assert list(reader.receive(header)) == []
    for _ in range(0, 0xFFFFF0, 0x10000):
        assert len(reader._kept) == 0
        list(reader.receive(bytes(min(0x10000, reader._skip))))
    assert list(reader.receive(frame_bytes(Ping(1)))) == [Ping(1)]


@given(st.lists(st.binary(max_size=300)))
def test_random_bytes_raise_nothing_but_the_protocol_error_and_are_not_gathered(pieces: list[bytes]) -> None:
    reader = FrameReader()
    for piece in pieces:
        try:
            list(reader.receive(piece))
        except SpdyError:
            return
        assert len(reader._kept) <= MAX_CONTROL_PAYLOAD + 8

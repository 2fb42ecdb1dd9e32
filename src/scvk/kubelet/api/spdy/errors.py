"""What can be wrong with a connection or a stream, with the numbers that tell it to the other side."""

from __future__ import annotations

from enum import IntEnum


class GoAwayStatus(IntEnum):
    """Why a connection ends (draft 3, section 2.6.6)."""

    OK = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2


class ResetStatus(IntEnum):
    """Why a stream ends at once (draft 3, section 2.6.3). Other numbers may come from the other side."""

    PROTOCOL_ERROR = 1
    INVALID_STREAM = 2
    REFUSED_STREAM = 3
    UNSUPPORTED_VERSION = 4
    CANCEL = 5
    INTERNAL_ERROR = 6
    FLOW_CONTROL_ERROR = 7
    STREAM_IN_USE = 8
    STREAM_ALREADY_CLOSED = 9
    INVALID_CREDENTIALS = 10
    FRAME_TOO_LARGE = 11


class SpdyError(Exception):
    """The other side broke the protocol so that the connection cannot go on; the text says how."""

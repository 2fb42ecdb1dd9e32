"""Header blocks (draft 3, section 2.6.10): names and values behind lengths, compressed in one context a direction."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from scvk.kubelet.api.spdy.dictionary import HEADER_DICTIONARY
from scvk.kubelet.api.spdy.errors import SpdyError
from scvk.kubelet.api.spdy.events import Headers

MAX_BLOCK = 16 * 1024
"""Ours, unpacked: a small block can unpack to a thousand times its size."""
MAX_HEADERS = 64
"""Ours: names of a block, and values of all of them. Each takes many times its bytes; Kubernetes has three."""
_SEPARATOR = "\0"


class HeaderCompressor:
    """Packs blocks in the order in which they are sent."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(zdict=HEADER_DICTIONARY)

    def pack(self, headers: Mapping[str, Sequence[str] | str]) -> bytes:
        """Return the block."""
        plain = len(headers).to_bytes(4, "big")
        for name, values in headers.items():
            value = values if isinstance(values, str) else _SEPARATOR.join(values)
            for text in (name.lower().encode("latin-1"), value.encode("latin-1")):
                plain += len(text).to_bytes(4, "big") + text
        return self._zlib.compress(plain) + self._zlib.flush(zlib.Z_SYNC_FLUSH)


class HeaderDecompressor:
    """Unpacks blocks: each that arrives, in order, also of streams that are refused."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zdict=HEADER_DICTIONARY)

    def unpack(self, block: bytes) -> Headers:
        """Return the headers; raises SpdyError."""
        try:
            plain = self._zlib.decompress(block, MAX_BLOCK + 1)
        except zlib.error as error:
            raise SpdyError(f"a header block that cannot be unpacked: {error}") from error
        if len(plain) > MAX_BLOCK or self._zlib.unconsumed_tail:
            raise SpdyError(f"a header block of more than {MAX_BLOCK} bytes")
        if self._zlib.eof:
            raise SpdyError("the end of header compression")
        return _headers(plain)


def _headers(plain: bytes) -> Headers:
    at = 0

    def number() -> int:
        nonlocal at
        if at + 4 > len(plain):
            raise SpdyError("a header block that ends too early")
        at += 4
        return int.from_bytes(plain[at - 4 : at], "big")

    def text() -> str:
        nonlocal at
        size = number()
        if at + size > len(plain):
            raise SpdyError("a header block that ends too early")
        at += size
        return plain[at - size : at].decode("latin-1")

    headers: dict[str, tuple[str, ...]] = {}
    count, values = number(), 0
    if count > MAX_HEADERS:
        raise SpdyError(f"a header block of more than {MAX_HEADERS} headers")
    for _ in range(count):
        name = text()
        if not name or name != name.lower() or name in headers:
            raise SpdyError("a header name that is empty, has capitals or comes twice")
        value = text()
        values += value.count(_SEPARATOR) + 1
        if values > MAX_HEADERS:
            raise SpdyError(f"a header block of more than {MAX_HEADERS} values")
        headers[name] = tuple(value.split(_SEPARATOR))
    if at != len(plain):
        raise SpdyError("a header block with something behind its end")
    return headers

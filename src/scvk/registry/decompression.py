"""A layer's tar, whatever it was compressed with: gzip, zstd or nothing, told by its first bytes.

Media types are not asked: builders are known to name the wrong one.
"""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable
from typing import IO

from scvk.registry.errors import TooLarge, Unreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# tarfile asks for a whole extended header at once, as large as a hostile archive says it is; it reads a file's content
# in pieces of 16 KiB.
_LARGEST_READ = 1024 * 1024
_SKIP = 256 * 1024


def decompressed(compressed: IO[bytes], most_bytes: int) -> TarSource:
    """Read a layer from its start; at most `most_bytes` come out."""
    magic = compressed.read(4)
    compressed.seek(0)
    if magic.startswith(_GZIP):
        return TarSource(gzip.GzipFile(fileobj=compressed).read, most_bytes)
    if magic == _ZSTD:
        return TarSource(zstd.ZstdFile(compressed).read, most_bytes)
    return TarSource(compressed.read, most_bytes)


class TarSource(io.RawIOBase):
    """What tarfile needs of a file (read, tell, seek forward), with every read and the whole bounded.

    Reads raise TooLarge beyond a bound, Unreadable for broken content.
    """

    def __init__(self, read: Callable[[int], bytes], most_bytes: int) -> None:
        super().__init__()
        self._read = read
        self._left = most_bytes
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Exactly `size` bytes, fewer only at the end."""
        if not 0 <= size <= _LARGEST_READ:
            raise Unreadable(f"the layer has a header of {size} bytes")
        pieces: list[bytes] = []
        missing = size
        while missing:
            try:
                piece = self._read(missing)
            except (EOFError, zlib.error, gzip.BadGzipFile, zstd.ZstdError) as error:
                raise Unreadable(f"the layer cannot be decompressed: {error}") from error
            if not piece:
                break
            missing -= len(piece)
            pieces.append(piece)
        data = b"".join(pieces)
        self._position += len(data)
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge("the image has more content than is unpacked")
        return data

    def tell(self) -> int:
        """Bytes read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Forward only."""
        if whence != io.SEEK_SET or offset < self._position:
            raise Unreadable("the layer's members overlap")
        while self._position < offset:
            if not self.read(min(_SKIP, offset - self._position)):
                break
        return self._position

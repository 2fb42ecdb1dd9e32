"""Header blocks: one context a direction, and nothing that unpacks without bound."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.api.spdy.dictionary import HEADER_DICTIONARY
from scvk.kubelet.api.spdy.errors import SpdyError
from scvk.kubelet.api.spdy.header_block import HeaderCompressor, HeaderDecompressor


def test_the_dictionary_is_the_one_of_the_draft() -> None:
    assert (len(HEADER_DICTIONARY), zlib.adler32(HEADER_DICTIONARY)) == (1423, 0xE3C6A7C2)


@given(st.lists(st.dictionaries(st.from_regex(r"[a-z0-9:-]{1,20}", fullmatch=True), st.text("aÿ,; 0"), max_size=5)))
def test_blocks_are_read_back_in_order(blocks: list[dict[str, str]]) -> None:
    pack, unpack = HeaderCompressor().pack, HeaderDecompressor().unpack
    for headers in blocks:
        assert unpack(pack(headers)) == {name: (value,) for name, value in headers.items()}


def test_a_header_may_have_several_values() -> None:
    packed = HeaderCompressor().pack({"Accept": ["a", "b"]})
    assert HeaderDecompressor().unpack(packed) == {"accept": ("a", "b")}


def _packed(plain: bytes) -> bytes:
    compressor = zlib.compressobj(zdict=HEADER_DICTIONARY)
    return compressor.compress(plain) + compressor.flush(zlib.Z_SYNC_FLUSH)


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(4, "big") + text


ONE = (1).to_bytes(4, "big")
TWO = (2).to_bytes(4, "big")


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"not zlib", id="no-zlib"),
        pytest.param(zlib.compress(b"\0\0\0\0"), id="another-dictionary"),
        pytest.param(_packed(b"\0\0"), id="no-count"),
        pytest.param(_packed(b"\xff\xff\xff\xff"), id="four-billion-headers"),
        pytest.param(_packed(ONE + b"\xff\xff\xff\xff"), id="a-name-of-four-gigabytes"),
        pytest.param(_packed(ONE + _text(b"") + _text(b"v")), id="empty-name"),
        pytest.param(_packed(ONE + _text(b"Name") + _text(b"v")), id="capitals"),
        pytest.param(_packed(TWO + 2 * (_text(b"name") + _text(b"v"))), id="twice"),
        pytest.param(_packed(bytes(4) + b"more"), id="more-behind-the-end"),
        pytest.param(_packed(bytes(100_000_000)), id="hundred-megabytes"),
        pytest.param(_packed(ONE + _text(b"name") + _text(bytes(5000))), id="thousands-of-empty-values"),
        pytest.param(
            _packed((500).to_bytes(4, "big") + b"".join(_text(b"%d" % n) + _text(b"") for n in range(500))),
            id="hundreds-of-headers",
        ),
    ],
)
def test_a_wrong_block_is_the_protocol_error(block: bytes) -> None:
    with pytest.raises(SpdyError):
        HeaderDecompressor().unpack(block)

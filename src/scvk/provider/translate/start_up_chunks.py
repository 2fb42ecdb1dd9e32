"""A script cut into pieces that SaladCloud takes as values of variables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from scvk.provider.translate.start_up_script import Statement
from scvk.provider.translate.start_up_values import MAX_LENGTH


@dataclass(frozen=True, slots=True)
class Chunk:
    """A value of 1 to 1000 characters in one line. `secret` says that something of a Secret is in it."""

    text: str = field(repr=False)
    secret: bool


def chunks_of(script: Iterable[Statement]) -> tuple[Chunk, ...]:
    """Cut the script. Secret statements get chunks of their own, so that the rest may be shown."""
    return tuple(
        Chunk(text, secret)
        for secret, statements in groupby(script, key=lambda statement: statement.secret)
        for text in _cut("".join(statement.text for statement in statements))
    )


def _cut(text: str) -> Iterable[str]:
    # Not beside a space, which might be trimmed from the value on its way; the script has no long runs of them.
    start = 0
    while len(text) - start > MAX_LENGTH:
        end = start + MAX_LENGTH
        while end > start + 1 and " " in text[end - 1 : end + 1]:
            end -= 1
        yield text[start:end]
        start = end
    yield text[start:]

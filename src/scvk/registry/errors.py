"""What can go wrong between an image's name and its files, sorted by who can do something about it.

    RegistryError
    ├── InvalidReference     the text names no image; nothing was sent
    ├── ImageNotFound        the registry knows no such name, tag, digest or platform
    ├── Unauthorized         the registry wants a login, or another one
    ├── AddressRefused       the policy forbids this address or plain HTTP to it; nothing was sent there
    ├── TooLarge             beyond a bound of `Limits`
    ├── Unreadable           the answer is none of a registry, or its content is broken or unsafe
    ├── Unreachable          no usable answer: try again later (`transient`)
    └── StoreUnusable        this machine's cache directory cannot be used or is full

Every message is one line for a person. Words of a registry in it are cut and without control characters; no
message has a login, a token or a query string in it.
"""

from __future__ import annotations

from typing import ClassVar

_MAX_WORDS = 200


class RegistryError(Exception):
    """Any of them. `transient` tells whether the same request may well succeed later."""

    transient: ClassVar[bool] = False


class InvalidReference(RegistryError):
    """The text is no image reference."""


class ImageNotFound(RegistryError):
    """The registry decided: there is no such image."""


class Unauthorized(RegistryError):
    """The registry decided: not with this login. Many registries also say so of names that do not exist."""


class AddressRefused(RegistryError):
    """The policy does not allow to go there."""


class TooLarge(RegistryError):
    """Stopped at a bound."""


class Unreadable(RegistryError):
    """Not what a registry may answer."""


class Unreachable(RegistryError):
    """Nothing was learnt about the image."""

    transient = True


class StoreUnusable(RegistryError):
    """The local side failed."""


def quoted(words: str) -> str:
    """Untrusted text for a message: printable, one line, at most 200 characters."""
    printable = "".join(c if c.isprintable() else " " for c in words[: _MAX_WORDS * 4])
    line = " ".join(printable.split())
    return line if len(line) <= _MAX_WORDS else line[: _MAX_WORDS - 1] + "…"

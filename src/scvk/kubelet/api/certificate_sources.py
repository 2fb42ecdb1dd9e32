"""Where the serving certificate comes from: made by ourselves, or from files that somebody else renews."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from scvk.kubelet.api.serving_certificate import (
    RENEW_BEFORE,
    ServingCertificate,
    expires,
    self_signed,
    server_context,
)

log = structlog.get_logger(__name__)


class SelfSigned:
    """Makes a certificate, and another one before it ends. Nothing is written anywhere."""

    def __init__(self, node: str, address: str, now: Callable[[], datetime]) -> None:
        self._node = node
        self._address = address
        self._now = now
        self._certificate = self_signed(node, address, now())

    def __call__(self) -> ServingCertificate:
        """Return the certificate for a new connection."""
        if expires(self._certificate) - self._now() < RENEW_BEFORE:
            self._certificate = self_signed(self._node, self._address, self._now())
        return self._certificate


class FromFiles:
    """Reads two files again when they change. While they cannot be used, what was read before stays.

    Raises ValueError, with a line for the operator, where the first reading fails.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain = chain
        self._key = key
        self._stamps = self._look()
        self._certificate = self._read()

    def __call__(self) -> ServingCertificate:
        """Return the certificate for a new connection."""
        try:
            stamps = self._look()
            if stamps != self._stamps:
                self._certificate = self._read()
                self._stamps = stamps
                log.info("the certificate of the kubelet's API was read again")
        except ValueError as error:  # half of the pair may have been replaced: the next connection looks again
            log.warning("the kubelet's API goes on with the certificate that it had", error=str(error))
        return self._certificate

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        try:
            found = [path.stat() for path in (self._chain, self._key)]
        except OSError as error:
            raise ValueError(f"{error.filename} cannot be read: {error.strerror}") from error
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in found)

    def _read(self) -> ServingCertificate:
        try:
            certificate = ServingCertificate(
                self._chain.read_text(encoding="ascii"), self._key.read_text(encoding="ascii")
            )
        except OSError as error:
            raise ValueError(f"{error.filename} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{self._chain} or {self._key} is no PEM") from error
        server_context(certificate, None)
        return certificate

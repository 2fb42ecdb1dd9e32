"""The few HTTPS calls that a testbed makes itself while it starts.

Is it healthy, is that object there, make this one: with the standard library, one connection for each call.
Nothing is held open, and nothing is bound to an event loop.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_S = 3.0


class ApiCalls:
    """Calls as the administrator, by the files of the cluster's CA and of its own certificate and key."""

    def __init__(self, authority: Path, certificate: Path, key: Path) -> None:
        self._context = ssl.create_default_context(cafile=str(authority))
        self._context.load_cert_chain(certificate, key)

    async def get(self, url: str) -> int | None:
        """The HTTP status of a GET; None when nothing answers there."""
        return await asyncio.to_thread(self._call, "GET", url, None)

    async def create(self, url: str, content: dict[str, object]) -> bool:
        """Creates an object below `url`; True when it is there now (201, or 409: it was there before)."""
        status = await asyncio.to_thread(self._call, "POST", url, json.dumps(content))
        return status in (http.client.CREATED, http.client.CONFLICT)

    def _call(self, method: str, url: str, body: str | None) -> int | None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=self._context)
        try:
            connection.request(method, parts.path, body, {"Content-Type": "application/json"} if body else {})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

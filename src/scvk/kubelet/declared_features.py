"""What a node tells of itself in `status.declaredFeatures`, so that newer API servers use it: pure."""

from __future__ import annotations

import re

WEBSOCKETS = "ExtendWebSocketsToKubelet"
_SINCE = (1, 36)
"""Earlier API servers have no such field, and translate WebSockets to SPDY themselves."""


def declared_features(server_version: str) -> tuple[str, ...]:
    """Return the features to declare to an API server, sorted; none where its version cannot be read."""
    release = re.match(r"v(\d+)\.(\d+)", server_version)
    if release is None or (int(release[1]), int(release[2])) < _SINCE:
        return ()
    return (WEBSOCKETS,)

"""How a start lays the API key open: a pure function, told once as warnings before the agent runs."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from scvk.settings import AgentSettings, is_web_address

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


def exposures(settings: AgentSettings, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return one sentence for each way in which the key can be read by others; never the key itself.

    `environment` is the process's own: a key that stands there did not come from the command line.
    """
    found = []
    if settings.sce_api_key and environment.get("SALAD_CLOUD_API_KEY") != settings.sce_api_key:
        found.append(
            "the API key was given as a flag: every user of this machine can read it in the process list; "
            "set SALAD_CLOUD_API_KEY or SALAD_CLOUD_API_KEY_FILE instead"
        )
    # What is no address at all is refused elsewhere, with words of its own.
    url = urlsplit(settings.api_url) if is_web_address(settings.api_url) else None
    if url is not None and url.scheme == "http" and url.hostname not in LOOPBACK_HOSTS:
        found.append(f"the API key travels unencrypted: --api-url is {settings.api_url}; use https")
    return tuple(found)

"""The six places that SaladCloud can send a program's output to, and what each must be told.

One list for three uses: the annotations `salad.com/logging-SINK-SETTING`, the keys of the Secret that
`salad.com/logging-secret` names, and the translation of both. Names are those of the OpenAPI document
(ContainerLogging…), with hyphens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scvk.saladcloud.models import HttpSinkCompression, HttpSinkFormat


@dataclass(frozen=True, slots=True)
class SinkSetting:
    """One thing that a sink is told.

    `values` says what may be written, as a sentence in Markdown; `options` are the values where they are a closed
    list. `default` holds where it is not `required`. The value of a `secret` one is never shown.
    """

    name: str
    values: str
    required: bool = True
    secret: bool = False
    options: tuple[str, ...] = ()
    default: str = ""


_HOST = SinkSetting("host", "a host name or URL, as the sink's provider gives it")
_PORT = SinkSetting("port", "a port number from 1 to 65535")
_FORMATS = tuple(member.value for member in HttpSinkFormat)
_COMPRESSIONS = tuple(member.value for member in HttpSinkCompression)

SINKS: Mapping[str, tuple[SinkSetting, ...]] = MappingProxyType(
    {
        "axiom": (
            _HOST,
            SinkSetting("dataset", "the name of a dataset"),
            SinkSetting("api-token", "an API token", secret=True),
        ),
        "datadog": (
            _HOST,
            SinkSetting("api-key", "an API key", secret=True),
            SinkSetting("tags", "comma-separated `name:value` pairs", required=False, default="none"),
        ),
        "http": (
            _HOST,
            _PORT,
            SinkSetting("path", "a path", required=False, default="none"),
            SinkSetting(
                "format",
                " or ".join(f"`{option}`" for option in _FORMATS),
                required=False,
                options=_FORMATS,
                default=f"`{HttpSinkFormat.JSON}`",
            ),
            SinkSetting(
                "compression",
                " or ".join(f"`{option}`" for option in _COMPRESSIONS),
                required=False,
                options=_COMPRESSIONS,
                default=f"`{HttpSinkCompression.NONE}`",
            ),
            SinkSetting("headers", "`Name: value`, one in a line", required=False, secret=True, default="none"),
            SinkSetting("user", "a user name", required=False, secret=True, default="none"),
            SinkSetting("password", "a password", required=False, secret=True, default="none"),
        ),
        "new-relic": (_HOST, SinkSetting("ingestion-key", "an ingestion key", secret=True)),
        "splunk": (_HOST, SinkSetting("token", "a token of the HTTP event collector", secret=True)),
        "tcp": (_HOST, _PORT),
    }
)
"""The settings of each sink."""

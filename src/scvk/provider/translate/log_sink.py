"""Where SaladCloud sends the program's output besides its own log: `salad.com/logging-…` annotations and their Secret.

A pod has one sink at most. Its settings are annotations, or keys of the Secret that `salad.com/logging-secret` names,
which is where credentials belong; an annotation counts before a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from scvk.kubelet.inputs import SecretContents
from scvk.provider.annotations import LOGGING, LOGGING_SECRET, PORT_RANGE
from scvk.provider.log_sinks import SINKS, SinkSetting
from scvk.provider.translate.finding import Report
from scvk.provider.translate.lines import objection
from scvk.provider.translate.settings import INVALID, Settings, whole_number_in
from scvk.saladcloud.models import ContainerLogging, HttpSinkCompression, HttpSinkFormat

_DNS_SUBDOMAIN = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"  # what a Secret can be called
_MAX_LENGTH = 1000  # OpenAPI document, ContainerLogging…: all strings
_MAX_ITEMS = 1000  # tags and headers
_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "datadog": {"tags": ()},
    "http": {"format": HttpSinkFormat.JSON.value, "compression": HttpSinkCompression.NONE.value},
}
"""What the platform requires, and a pod need not say."""


def logging_secret_of(settings: Settings) -> str | None:
    """Return the name of the Secret that must be read for the pod's sink; None where none is needed."""
    name = settings.text(LOGGING_SECRET) if _sinks(settings) else None
    return name if name is not None and re.fullmatch(_DNS_SUBDOMAIN, name) else None


def log_sink_of(settings: Settings, secrets: Mapping[str, SecretContents], report: Report) -> ContainerLogging | None:
    """Return the pod's sink, None where it has none. `secrets` has the Secret of `logging_secret_of`, if it exists."""
    sinks = _sinks(settings)
    if not sinks:
        if settings.is_own(LOGGING_SECRET):
            report.refuse(
                LOGGING_SECRET.path,
                INVALID,
                f"{LOGGING_SECRET.key} holds credentials of a sink, and no other annotation says which sink; add"
                f" salad.com/logging-SINK-host, with a SINK of {', '.join(SINKS)}",
            )
        return None
    sink, *others = sinks
    if others:
        report.refuse(
            LOGGING[others[0], "host"].path,
            INVALID,
            f"SaladCloud sends the output of a container to one sink, and the annotations name {', '.join(sinks)};"
            " remove all but one",
        )
        return None
    reading = _Reading(sink, settings, _keys(settings, secrets, report), report)
    values = {setting.name: reading.value(setting) for setting in SINKS[sink]}
    return None if reading.failed else _sink(sink, values)


def _sinks(settings: Settings) -> tuple[str, ...]:
    """Return the sinks that the annotations name; the pod's own count before those of its namespace."""
    named = {
        sink: [LOGGING[sink, setting.name] for setting in SINKS[sink]]
        for sink in SINKS
        if settings.asks_for(LOGGING[sink, "host"], [LOGGING[sink, setting.name] for setting in SINKS[sink]])
    }
    own = tuple(sink for sink, group in named.items() if any(map(settings.is_own, group)))
    return own or tuple(named)


def _keys(settings: Settings, secrets: Mapping[str, SecretContents], report: Report) -> Mapping[str, bytes] | None:
    """Return the contents of the Secret, by keys of small letters and digits alone; None where it is not there."""
    name = settings.text(LOGGING_SECRET)
    if name is None:
        return {}
    if not re.fullmatch(_DNS_SUBDOMAIN, name):
        settings.refuse(LOGGING_SECRET, name)
        return None
    secret = secrets.get(name)
    if secret is None:
        report.refuse(LOGGING_SECRET.path, "MissingSecret", f"There is no Secret {name} in the pod's namespace")
        return None
    return {_plain(key): content for key, content in secret.data.items()}


class _Reading:
    """Reads the settings of one sink; `failed` once one is wrong or missing."""

    def __init__(self, sink: str, settings: Settings, keys: Mapping[str, bytes] | None, report: Report) -> None:
        self._sink = sink
        self._settings = settings
        self._keys = keys or {}
        self._secret_is_missing = keys is None
        self._report = report
        self.failed = False

    def value(self, setting: SinkSetting) -> object:
        """Return the value in the form that the sink takes it, None where there is none."""
        annotation = LOGGING[self._sink, setting.name]
        text, path, name = self._settings.text(annotation), annotation.path, annotation.key
        if text is None and (content := self._from_secret(setting)) is not None:
            path, name = LOGGING_SECRET.path, f"{setting.name} in the Secret"
            try:
                text = content.decode().strip()
            except UnicodeDecodeError:
                self._refuse(path, f"The value of {name} is no text")
                return None
        if text is None:
            if self._secret_is_missing and setting.secret:
                self.failed = True  # said already
            elif setting.required:
                self._refuse(
                    annotation.path, f"{annotation.key} is missing; a sink of {self._sink} needs {self._needs()}"
                )
            return None
        value, problem = _read(setting, text)
        if problem is not None:
            self._refuse(path, f"The value of {name} {problem}; it takes {setting.values.replace('`', '')}")
        return value

    def _from_secret(self, setting: SinkSetting) -> bytes | None:
        spellings = (setting.name, f"{self._sink}{setting.name}", f"logging{self._sink}{setting.name}")
        return next((self._keys[key] for key in map(_plain, spellings) if key in self._keys), None)

    def _needs(self) -> str:
        required = ", ".join(setting.name for setting in SINKS[self._sink] if setting.required)
        return f"{required}; credentials may stand in the Secret that {LOGGING_SECRET.key} names"

    def _refuse(self, path: str, reason: str) -> None:
        self.failed = True
        self._report.refuse(path, INVALID, reason)


def _read(setting: SinkSetting, text: str) -> tuple[object, str | None]:
    """Return the value of a setting, and what is wrong with it, as the end of a sentence that shows nothing of it."""
    if setting.name == "port":
        number = whole_number_in(text, PORT_RANGE)
        return number, "is no port" if number is None else None
    if setting.name == "tags":
        return _pairs(text.split(","))
    if setting.name == "headers":
        return _pairs(text.splitlines())
    if setting.options:
        value = text.lower()
        return value, None if value in setting.options else "is none of the possible ones"
    return text, objection(text, longest=_MAX_LENGTH)


def _pairs(items: list[str]) -> tuple[object, str | None]:
    pairs = [
        {"name": name.strip(), "value": value.strip()}
        for name, _, value in (item.partition(":") for item in items if item.strip())
    ]
    texts = [text for pair in pairs for text in pair.values()]
    if len(pairs) > _MAX_ITEMS or any(objection(text, longest=_MAX_LENGTH) is not None for text in texts):
        return [], "has an item that is no name and value with a colon between"
    return pairs, None


def _plain(key: str) -> str:
    return re.sub("[^a-z0-9]", "", key.casefold())


def _sink(sink: str, values: Mapping[str, object]) -> ContainerLogging:
    given = {name.replace("-", "_"): value for name, value in values.items() if value not in (None, [])}
    body = {**_DEFAULTS.get(sink, {}), **given}
    return msgspec.convert({sink.replace("-", "_"): body}, ContainerLogging)

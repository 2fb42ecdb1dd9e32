"""Sinks for the program's output, from annotations and the Secret that holds their credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scvk.provider.annotations import LOGGING
from scvk.provider.log_sinks import SINKS
from scvk.provider.translate import Translation
from scvk.provider.translate.finding import Report
from scvk.provider.translate.log_sink import logging_secret_of
from scvk.provider.translate.settings import Settings
from scvk.saladcloud.models import body_of

Translate = Callable[..., Translation]


def logging(**values: str) -> dict[str, str]:
    return {f"salad.com/logging-{name.replace('_', '-')}": value for name, value in values.items()}


COMPLETE: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "axiom": (
        logging(axiom_host="https://api.axiom.co", axiom_dataset="logs", axiom_api_token="s3cret"),
        {"host": "https://api.axiom.co", "dataset": "logs", "api_token": "s3cret"},
    ),
    "datadog": (
        logging(datadog_host="http-intake.logs.datadoghq.com", datadog_api_key="s3cret"),
        {"host": "http-intake.logs.datadoghq.com", "api_key": "s3cret", "tags": []},
    ),
    "datadog with tags": (
        logging(datadog_host="h", datadog_api_key="s3cret", datadog_tags="env:prod, url: http://a:1 ,"),
        {
            "host": "h",
            "api_key": "s3cret",
            "tags": [{"name": "env", "value": "prod"}, {"name": "url", "value": "http://a:1"}],
        },
    ),
    "http": (
        logging(http_host="logs.example.com", http_port="443"),
        {"host": "logs.example.com", "port": 443, "format": "json", "compression": "none"},
    ),
    "http with everything": (
        logging(
            http_host="h",
            http_port=" 80 ",
            http_path="/in",
            http_format="JSON_lines",
            http_compression="gzip",
            http_user="me",
            http_password="s3cret",
            http_headers="Authorization: Bearer s3cret\nX-Env: prod\n",
        ),
        {
            "host": "h",
            "port": 80,
            "path": "/in",
            "format": "json_lines",
            "compression": "gzip",
            "user": "me",
            "password": "s3cret",
            "headers": [
                {"name": "Authorization", "value": "Bearer s3cret"},
                {"name": "X-Env", "value": "prod"},
            ],
        },
    ),
    "new-relic": (
        logging(new_relic_host="log-api.newrelic.com", new_relic_ingestion_key="s3cret"),
        {"host": "log-api.newrelic.com", "ingestion_key": "s3cret"},
    ),
    "splunk": (logging(splunk_host="h", splunk_token="s3cret"), {"host": "h", "token": "s3cret"}),
    "tcp": (logging(tcp_host="logs.example.com", tcp_port="514"), {"host": "logs.example.com", "port": 514}),
}


@pytest.mark.parametrize(
    ("sink", "written", "expected"), [(name, *both) for name, both in COMPLETE.items()], ids=COMPLETE
)
def test_each_sink_is_read_from_annotations(
    translated: Translate, sink: str, written: dict[str, str], expected: dict[str, Any]
) -> None:
    translation = translated(annotations=written)
    assert translation.findings == ()
    assert translation.request is not None
    assert body_of(translation.request)["container"]["logging"] == {
        sink.split(maxsplit=1)[0].replace("-", "_"): expected
    }
    assert "s3cret" not in repr(translation)


def test_every_sink_is_tried_above() -> None:
    assert {name.split()[0] for name in COMPLETE} == set(SINKS)


SECRETS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "the name of the API": (logging(splunk_host="h"), {"token": "s3cret"}),
    "the name of the annotation": (logging(new_relic_host="h"), {"new-relic-ingestion-key": "s3cret"}),
    "a variable's name": (logging(datadog_host="h"), {"DATADOG_API_KEY": "s3cret"}),
    "camels": (logging(axiom_host="h", axiom_dataset="d"), {"apiToken": "s3cret"}),
    "a line break at the end": (logging(splunk_host="h"), {"token": "s3cret\n"}),
}


@pytest.mark.parametrize(("written", "keys"), SECRETS.values(), ids=SECRETS)
def test_credentials_come_from_the_secret(translated: Translate, written: dict[str, str], keys: dict[str, str]) -> None:
    translation = translated(annotations={**written, **logging(secret="sink")}, secrets={"sink": keys})
    assert translation.findings == ()
    assert translation.request is not None
    ((_, sink),) = body_of(translation.request)["container"]["logging"].items()
    assert "s3cret" in sink.values()


def test_an_annotation_counts_before_the_secret(translated: Translate) -> None:
    translation = translated(
        annotations=logging(splunk_host="h", splunk_token="own", secret="sink"), secrets={"sink": {"token": "other"}}
    )
    assert translation.request is not None
    assert body_of(translation.request)["container"]["logging"] == {"splunk": {"host": "h", "token": "own"}}


WRONG: dict[str, tuple[dict[str, str], dict[str, dict[str, str]], list[tuple[str, str]]]] = {
    "half a sink": (logging(splunk_host="h"), {}, [("splunk-token", "InvalidAnnotation")]),
    "the other half": (logging(splunk_token="s3cret"), {}, [("splunk-host", "InvalidAnnotation")]),
    "two sinks": ({**COMPLETE["tcp"][0], **COMPLETE["splunk"][0]}, {}, [("tcp-host", "InvalidAnnotation")]),
    "a secret for no sink": (logging(secret="sink"), {"sink": {}}, [("secret", "InvalidAnnotation")]),
    "no such secret": (logging(splunk_host="h", secret="sink"), {}, [("secret", "MissingSecret")]),
    "no name of a secret": (logging(splunk_host="h", secret="a/b"), {}, [("secret", "InvalidAnnotation")]),
    "a secret without the key": (
        logging(splunk_host="h", secret="sink"),
        {"sink": {"other": "s3cret"}},
        [("splunk-token", "InvalidAnnotation")],
    ),
    "a secret of two lines": (
        logging(splunk_host="h", secret="sink"),
        {"sink": {"token": "s3cret\ns3cret"}},
        [("secret", "InvalidAnnotation")],
    ),
    "an empty host": (logging(tcp_host="", tcp_port="1"), {}, [("tcp-host", "InvalidAnnotation")]),
    "no port": (logging(tcp_host="h", tcp_port="0"), {}, [("tcp-port", "InvalidAnnotation")]),
    "a long token": (
        logging(splunk_host="h", splunk_token="s3cret" * 200),
        {},
        [("splunk-token", "InvalidAnnotation")],
    ),
    "a format": (logging(http_host="h", http_port="1", http_format="xml"), {}, [("http-format", "InvalidAnnotation")]),
    "a header without a colon": (
        logging(http_host="h", http_port="1", http_headers="s3cret"),
        {},
        [("http-headers", "InvalidAnnotation")],
    ),
    "a tag without a value": (
        logging(datadog_host="h", datadog_api_key="s3cret", datadog_tags="prod"),
        {},
        [("datadog-tags", "InvalidAnnotation")],
    ),
}


@pytest.mark.parametrize(("written", "secrets", "refused"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_or_half_is_refused_without_showing_it(
    translated: Translate, written: dict[str, str], secrets: dict[str, dict[str, str]], refused: list[tuple[str, str]]
) -> None:
    translation = translated(annotations=written, secrets=secrets)
    assert translation.request is None
    assert [(each.path, each.reason_code) for each in translation.findings] == [
        (f"metadata.annotations[salad.com/logging-{name}]", code) for name, code in refused
    ]
    assert "s3cret" not in str(translation.findings)


def test_a_binary_key_is_no_credential(translated: Translate) -> None:
    translation = translated(
        annotations=logging(splunk_host="h", secret="sink"), secrets={"sink": {"token": b"\xff\xfe"}}
    )
    assert [each.reason_code for each in translation.findings] == ["InvalidAnnotation"]


# -- what is asked for beforehand, and defaults of the namespace ------------------------------------------------------


@pytest.mark.parametrize(
    ("annotations", "secret"),
    [
        (logging(splunk_host="h", secret="sink"), "sink"),
        (logging(splunk_host="h"), None),
        (logging(secret="sink"), None),
        (logging(splunk_host="h", secret="a/../b"), None),
    ],
)
def test_the_secret_is_read_only_for_a_sink(annotations: dict[str, str], secret: str | None) -> None:
    assert logging_secret_of(Settings(annotations, Report())) == secret


def test_a_namespace_gives_all_its_pods_a_sink(translated: Translate) -> None:
    written, expected = COMPLETE["splunk"]
    translation = translated(namespace=written)
    assert translation.findings == ()
    assert translation.request is not None
    assert body_of(translation.request)["container"]["logging"] == {"splunk": expected}


def test_a_pods_own_sink_counts_before_that_of_its_namespace(translated: Translate) -> None:
    written, expected = COMPLETE["tcp"]
    translation = translated(annotations=written, namespace=COMPLETE["splunk"][0])
    assert translation.findings == ()
    assert translation.request is not None
    assert body_of(translation.request)["container"]["logging"] == {"tcp": expected}


def test_a_namespaces_secret_waits_for_pods_with_a_sink(translated: Translate) -> None:
    assert translated(namespace=logging(secret="sink", splunk_token="s3cret")).findings == ()
    both = translated(
        annotations=logging(splunk_host="h"), namespace=logging(secret="sink"), secrets={"sink": {"token": "t"}}
    )
    assert both.request is not None


def test_annotations_and_settings_have_the_same_names() -> None:
    for (sink, name), annotation in LOGGING.items():
        assert annotation.key == f"salad.com/logging-{sink}-{name}"

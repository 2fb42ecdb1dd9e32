"""The report as JSON: an interface, held by a JSON Schema. Fields are only ever added.

Prices are numbers. `request` is the body of SaladCloud's create call as it would be sent, but for secrets (`•••`), for
the values of ConfigMaps that are among `needs` (`•••` too), and for what is drawn only when a pod is made: its UID,
the suffix of its name, and with them the group's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from scvk.provider.preview.pod_report import PodOutcome, PodReport, Price
from scvk.provider.preview.price import CURRENCY
from scvk.provider.translate import Outcome


def as_document(reports: Iterable[PodReport]) -> dict[str, Any]:
    """Return the reports as plain values for a JSON encoder."""
    return {"pods": [_pod(report) for report in reports]}


def _pod(report: PodReport) -> dict[str, Any]:
    return {
        "workload": {"kind": report.kind, "namespace": report.namespace, "name": report.name},
        "outcome": report.outcome.value,
        "request": None if report.request is None else dict(report.request),
        "report": [
            {"class": finding.outcome.value, "path": finding.path, "reason": finding.reason}
            for finding in report.findings
        ],
        "needs": [{"kind": need.kind, "name": need.name, "reason": need.reason} for need in report.needs],
        "price": _price(report.price),
    }


def _price(price: Price | None) -> dict[str, Any] | None:
    if price is None:
        return None
    return {"currency": CURRENCY, "per_hour": {"min": float(price.minimum), "max": float(price.maximum)}}


def _object(described: str, **properties: Any) -> dict[str, Any]:
    return {
        "description": described,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _text(described: str) -> dict[str, Any]:
    return {"description": described, "type": "string"}


def _number(described: str) -> dict[str, Any]:
    return {"description": described, "type": "number", "minimum": 0}


def render_schema() -> str:
    """Return the JSON Schema as it is printed and kept beside the documentation."""
    return json.dumps(SCHEMA, indent=2) + "\n"


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "The output of `scvk translate --output json`",
    **_object(
        "What would become of the pods of some manifests.",
        pods={
            "type": "array",
            "items": _object(
                "A workload, and the pod that stands for all of its pods.",
                workload=_object(
                    "The object of the manifest.",
                    kind=_text("Its kind, such as Deployment."),
                    namespace=_text("Its namespace; `default` where none is written, or that of --namespace."),
                    name=_text("Its name."),
                ),
                outcome={
                    "description": "What becomes of the pod on the node.",
                    "enum": [outcome.value for outcome in PodOutcome],
                },
                request={
                    "description": "The body of SaladCloud's create call; null for a pod that is refused or not run,"
                    " or whose image must be looked up first.",
                    "type": ["object", "null"],
                },
                report={
                    "description": "Every field of the pod that is not simply carried over.",
                    "type": "array",
                    "items": _object(
                        "One field.",
                        **{
                            "class": {
                                "description": "What became of it.",
                                "enum": [outcome.value for outcome in Outcome],
                            },
                            "path": _text("Where it stands in the pod, such as spec.containers[0].args."),
                            "reason": _text("What happens, and what to do."),
                        },
                    ),
                },
                needs={
                    "description": "What must be there, or known, before the pod can be made.",
                    "type": "array",
                    "items": _object(
                        "One thing that is needed.",
                        kind=_text("ConfigMap, Secret or Image."),
                        name=_text("The name of the object, or the image."),
                        reason=_text("Where it is needed, and what for."),
                    ),
                },
                price={
                    "description": "What the GPU costs; null without one, or where it is not known.",
                    "anyOf": [
                        {"type": "null"},
                        _object(
                            "A price.",
                            currency={"const": CURRENCY},
                            per_hour=_object(
                                "The range over the GPU classes that the pod allows, at its priority.",
                                min=_number("The cheapest."),
                                max=_number("The dearest."),
                            ),
                        ),
                    ],
                },
            ),
        },
    ),
}
"""JSON Schema of the output."""

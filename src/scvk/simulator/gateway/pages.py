"""The pages that the gateway shows instead of an answer, after SaladCloud's ("Container Gateway: Error Pages")."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

_WHAT_IT_MEANS = {
    400: ("means the request could not be understood.", "Please review your request and try again."),
    401: ("means the request has no API key.", "Please send your API key in the header Salad-Api-Key."),
    403: ("means the API key does not reach this container.", "Please review your API key and try again."),
    404: ("means there is no container at this address.", "Please review the address and try again."),
    413: ("means the request is larger than 1 GB.", "Please send less and try again."),
    502: (
        "means your container's answer could not be understood.",
        "Please review the logs of your container and try again.",
    ),
    503: (
        "means your container is not ready to handle the request.",
        "Please review the status of your container and try again.",
    ),
    504: ("means the request waited too long for a free container.", "Please try again later."),
    524: (
        "means your container did not answer in time.",
        "Please review the logs of your container and try again.",
    ),
}
_PAGE = """<!DOCTYPE html>
<html><head><title>Error {status} Detected</title></head><body>
<h1>Error {status} Detected</h1>
<h2>What this means</h2>
<p>A {status} {phrase} error {meaning}</p>
<h2>What you can do</h2>
<p>{advice}</p>
</body></html>
"""


def phrase(status: int) -> str:
    """Its name; 524 is Cloudflare's, which the real gateway stands behind."""
    return "A Timeout Occurred" if status == 524 else HTTPStatus(status).phrase


def page(status: int) -> bytes:
    """The HTML page for a status that the gateway itself answers with."""
    meaning, advice = _WHAT_IT_MEANS[status]
    text = _PAGE.format(status=status, phrase=escape(phrase(status)), meaning=escape(meaning), advice=escape(advice))
    return text.encode()

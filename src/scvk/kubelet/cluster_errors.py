"""What the Kubernetes API server can answer, as one tree of errors.

    ClusterError
    ├── ClusterUnreachable    nothing was decided: no answer, a time-out, 5xx, 429, or an unreadable answer
    ├── ClusterForbidden      401 or 403: the account may not do this
    ├── ObjectNotFound        404 with a Status object: the object does not exist
    ├── ObjectConflict        409: it exists already, or a precondition (UID, resource version) does not hold
    ├── ResourceVersionGone   410: the watch must start again from a list
    └── ObjectRejected        400 or 422: the request is wrong and stays wrong

Only a JSON `Status` body of the API server decides something. The same code from a proxy in between, with an HTML
page, is `ClusterUnreachable`: unknown is not absent.
"""

from __future__ import annotations

import msgspec

MESSAGE_LIMIT = 400
"""Characters of the server's words that go into an error: enough for RBAC's longest sentences."""


class ClusterError(Exception):
    """A request to the Kubernetes API that did not succeed; `str()` says which, and the server's words."""

    def __init__(self, what: str, message: str, *, status: int | None = None) -> None:
        super().__init__(f"{what}: {message}")
        self.what = what
        self.message = message
        self.status = status


class ClusterUnreachable(ClusterError):
    """Nothing was decided; the request may or may not have taken effect."""


class ClusterForbidden(ClusterError):
    """The account lacks the right, or its credential was refused."""


class ObjectNotFound(ClusterError):
    """The API server itself says that the object does not exist."""


class ObjectConflict(ClusterError):
    """The object exists already, or is not the one that the precondition names."""


class ResourceVersionGone(ClusterError):
    """The resource version is too old to watch from."""


class ObjectRejected(ClusterError):
    """The API server refuses the request as invalid."""


class _Cause(msgspec.Struct):
    field: str = ""


class _Details(msgspec.Struct):
    causes: list[_Cause] | None = None


class _StatusBody(msgspec.Struct):
    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None

    @property
    def is_for_another(self) -> bool:
        """Say whether a patch named the UID of a predecessor: to the API server that is a field that cannot change."""
        causes = (self.details.causes if self.details else None) or []
        return any(cause.field == "metadata.uid" for cause in causes)


_BY_CODE: dict[int, type[ClusterError]] = {
    400: ObjectRejected,
    401: ClusterForbidden,
    403: ClusterForbidden,
    404: ObjectNotFound,
    409: ObjectConflict,
    410: ResourceVersionGone,
    422: ObjectRejected,
}


def classify_answer(what: str, status: int, body: bytes) -> ClusterError:
    """Turn an answer with an error code into the error that says what it decides.

    `what` names the request, such as `patch pods/status default/web-0`.
    """
    try:
        answer = msgspec.json.decode(body, type=_StatusBody)
    except (ValueError, RecursionError):  # msgspec's errors, text that is not UTF-8, endless nesting
        answer = _StatusBody()
    if answer.kind != "Status":
        return ClusterUnreachable(what, f"HTTP {status} without a Kubernetes Status object", status=status)
    message = (answer.message or answer.reason or f"HTTP {status}")[:MESSAGE_LIMIT]
    if status == 422 and answer.is_for_another:
        return ObjectConflict(what, message, status=status)
    return _BY_CODE.get(status, ClusterUnreachable)(what, message, status=status)

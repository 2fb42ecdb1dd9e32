"""Speaks to a running simulator's control API: sets faults, lists and clears them, takes nodes offline."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx2

_TIMEOUT_S = 10.0
_CONTROL_PATH = "/_simulator"
_BASE_PATH = "/api/public"


class RemoteError(Exception):
    """The simulator is not there or refused; the message is one line for the user."""


class RemoteSimulator:
    """A simulator by the URL of its root or of its API (`…/api/public`). Enter it; every method raises RemoteError."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/").removesuffix(_BASE_PATH)
        self._http = httpx2.Client(timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def set_fault(self, kind: str, **members: Any) -> dict[str, Any]:
        """Set a fault (`api.faults.Fault` has the members); what was set, with its `id`."""
        return dict(self._call("POST", "/faults", {"kind": kind, **members}))

    def faults(self) -> list[dict[str, Any]]:
        """Those that still can hit, oldest first, with the number of `hits`."""
        return list(self._call("GET", "/faults")["items"])

    def clear_faults(self, fault_id: int | None = None) -> None:
        """Take back one, or all. One that is gone already is no error."""
        self._call("DELETE", "/faults" if fault_id is None else f"/faults/{fault_id}")

    def interrupt(self, reason: str = "node-offline", group: str = "*", share: float = 1.0) -> list[str]:
        """Let instances lose their machines; the ids of those that did. See `api.control.Interruption`."""
        return list(self._call("POST", "/interrupt", {"reason": reason, "group": group, "share": share})["instances"])

    def interrupt_instance(self, instance_id: str, reason: str = "node-offline") -> None:
        """Let one instance lose its machine."""
        self._call("POST", f"/instances/{instance_id}/interrupt", {"reason": reason})

    def requests(self) -> list[dict[str, Any]]:
        """The log of API requests, oldest first."""
        return list(self._call("GET", "/requests")["items"])

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        url = self._url + _CONTROL_PATH + path
        try:
            answer = self._http.request(method, url, json=body)
            content = answer.json() if answer.content else None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise RemoteError(f"no simulator answers at {self._url}: {str(error) or type(error).__name__}") from error
        except ValueError as error:
            raise RemoteError(f"what answers at {self._url} is no simulator of ours") from error
        if answer.is_success:
            return content
        detail = content.get("detail") if isinstance(content, dict) else None
        raise RemoteError(f"the simulator refused: {detail or answer.status_code}")

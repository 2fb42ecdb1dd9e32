"""Tries something in a process of its own, because a failed change of namespaces cannot be taken back."""

from __future__ import annotations

import os
from collections.abc import Callable


def complaint_about(attempt: Callable[[], None]) -> str:
    """Run `attempt` in a fork: "" when it succeeded, else what it complained about."""
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        status = 1
        try:
            attempt()
            status = 0
        except BaseException as error:  # noqa: BLE001  whatever it is, this process must end here and say why
            os.write(write_end, str(error).encode())
        finally:
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        said = pipe.read()
    _, wait_status = os.waitpid(pid, 0)
    if wait_status == 0:
        return ""
    return said.decode("utf-8", "replace") or f"the trial ended with status {wait_status}"

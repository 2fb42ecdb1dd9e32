"""`scvk demo`: the whole way of a pod, on a real control plane and a simulated SaladCloud."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from scvk.agent import AgentError
from scvk.cli.log_output import configure_logs


def demo(
    *,
    exit_: Annotated[
        bool, Parameter(name="--exit", negative=(), help="End after the scenario; the default without a terminal.")
    ] = False,
    kubeconfig: Annotated[
        Path | None,
        Parameter(help="Use this cluster instead of an own one; what the demo makes there is deleted again."),
    ] = None,
) -> int:
    """Show it: a real Kubernetes API server, a simulated SaladCloud, and the walkthrough's Deployment.

    On a terminal it stays up until Ctrl-C and prints commands to try. No account of SaladCloud is used.
    """
    # Imported here: the demo brings the testbed and the simulator, which no other command should wait for.
    from scvk.demo.run import run_demo  # noqa: PLC0415
    from scvk.demo.scenario import DemoFailed  # noqa: PLC0415

    console = Console(highlight=False)
    descriptor, path = tempfile.mkstemp(prefix="scvk-demo-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8") as log:
        configure_logs("info", "text", log)
        console.print(f"==> The agent's log, kept if something fails: {path}", style="bold green", highlight=False)
        stay = sys.stdin.isatty() and sys.stdout.isatty() and not exit_
        useful = True
        try:
            code = asyncio.run(run_demo(stay=stay, kubeconfig=kubeconfig, console=console))
            useful = False
        except DemoFailed as error:
            raise AgentError(f"demo: {error}; the agent's log is {path}") from error
        finally:
            if not useful or log.tell() == 0:
                Path(path).unlink(missing_ok=True)
        return code

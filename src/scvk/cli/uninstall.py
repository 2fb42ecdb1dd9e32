"""`scvk uninstall`: takes a node away for good, with or without what its pods have on SaladCloud."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from scvk.cli.log_output import configure_logs
from scvk.kubelet.leaving import Leaving
from scvk.settings import AgentSettings, SettingsError
from scvk.uninstall import Plan, uninstall_node

NOT_AGREED = 1
SHOWN_PODS = 10


def uninstall(
    settings: AgentSettings | None = None,
    *,
    groups: Annotated[
        Literal["keep", "drain"],
        Parameter(
            help="What becomes of the container groups of the node's pods. drain: the pods are deleted, and their "
            "groups are confirmed to be gone. keep: the groups go on running, and costing money, while Kubernetes "
            "forgets the pods."
        ),
    ],
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=(), help="Do not ask, for scripts.")] = False,
    timeout: Annotated[int, Parameter(validator=Number(gte=1), help="The most seconds that all of it may take.")] = 600,
) -> int:
    """Take the node of an agent away for good: mark and cordon it, see to its pods, delete the Node.

    A Node that is deleted otherwise is made again by its agent. An agent that plays the node ends by itself when the
    Node goes; where none does, a drain needs the API key, and this command does the agent's work. The other options are
    those of `scvk run`: give the same ones. Exit codes: 0 done, 1 not done, 2 used wrongly.

    Examples
    --------
    Delete the node's pods, their container groups and the Node:

        scvk uninstall --groups drain --nodename saladcloud-acme-corp-default

    Without a question, and without an agent that runs:

        scvk uninstall --groups drain --yes \\
          --sce-organization-name acme-corp --sce-project-name default --sce-api-key-file api-key

    Leave what runs on SaladCloud as it is:

        scvk uninstall --groups keep --nodename saladcloud-acme-corp-default

    """
    settings = settings or AgentSettings()
    configure_logs("warning", settings.log_format)
    if not yes and not sys.stdin.isatty():
        raise SettingsError("nobody can be asked whether to go on: add --yes")
    agreed = asyncio.run(
        uninstall_node(
            settings, Leaving(groups), within_s=timeout, confirm=(lambda _: True) if yes else _ask, tell=_tell
        )
    )
    if not agreed:
        _tell("Nothing was changed.")
        return NOT_AGREED
    return 0


def question_of(plan: Plan) -> str:
    """Return what a person is asked, with everything that will go."""
    pods = [f"  {pod}" for pod in plan.pods[:SHOWN_PODS]]
    if len(plan.pods) > SHOWN_PODS:
        pods.append(f"  and {len(plan.pods) - SHOWN_PODS} more")
    if plan.how is Leaving.DRAIN:
        what = f"Node {plan.node}, its {len(plan.pods)} pods and their container groups will be deleted."
    else:
        what = (
            f"Node {plan.node} will be deleted, and Kubernetes forgets its {len(plan.pods)} pods. Their container "
            "groups go on running, and costing money."
        )
    return "\n".join((what, *pods, "Go on? [y/N] "))


def _ask(plan: Plan) -> bool:
    print(question_of(plan), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

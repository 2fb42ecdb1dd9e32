"""`scvk gc`: what the agent's collection of left-over groups would do, shown and done once."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from scvk.agent import connected, explained, kubernetes_config, read_cluster_id, saladcloud_client
from scvk.cli.gc_report import document_of, summary_of, table_of
from scvk.cli.log_output import configure_logs
from scvk.kubelet.collection import PASS_EVERY_S
from scvk.kubelet.orphans import Judge, Verdict
from scvk.left_overs import LeftOvers, Survey
from scvk.provider.adoption import Owners
from scvk.settings import NodeSettings, SettingsError, checked_node, checked_saladcloud

WIDEST_TABLE = 250
"""Columns that the table may take: a narrow terminal can scroll, and a pipe has no width."""
EXIT_DONE = 0
EXIT_LEFT = 1

_Output = Literal["table", "json"]


def gc(
    settings: NodeSettings | None = None,
    *,
    dry_run: Annotated[bool, Parameter(negative=(), help="Show what would be deleted, and change nothing.")] = False,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=(), help="Delete without asking.")] = False,
    pause: Annotated[
        int, Parameter(validator=Number(gte=1), help="Seconds between the two passes that must agree.")
    ] = int(PASS_EVERY_S),
    output: Annotated[_Output, Parameter(name=("--output", "-o"), help="A table for people, or JSON.")] = "table",
) -> int:
    """Delete container groups whose pods no longer exist, as the agent does by itself, and confirm that they are gone.

    A group goes only if it carries this cluster's marks, two passes find that the API server has no pod with its UID,
    and its node is --nodename or a Node that is gone. It works beside a running agent and without one; the account
    needs to get pods, nodes and namespaces. Exit code 0: nothing collectable is left (or was shown, with --dry-run);
    1: something failed, could not be learned or was not confirmed, or the answer was no; 2: used wrongly.

    Examples
    --------
    What would be deleted, and why the rest is kept:

        scvk gc --dry-run --sce-organization-name acme-corp --sce-project-name default

    In a script, for a node whose agent no longer runs:

        scvk gc --yes --output json --nodename saladcloud-old

    """
    configure_logs("warning", "text")
    chosen = settings or NodeSettings()
    if not dry_run and not yes and not sys.stdin.isatty():
        raise SettingsError("nobody is there to ask: give --yes to delete, or --dry-run to look")

    def agreed(survey: Survey) -> bool:
        if yes:
            return True
        show(survey, output="table", to_stderr=True)
        print(f"Delete these {len(survey.of(Verdict.ORPHANED))} container groups? [y/N] ", end="", file=sys.stderr)
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    survey, declined = asyncio.run(_collect(chosen, None if dry_run else agreed, pause_s=pause))
    if not declined or output == "json":
        show(survey, output=output)
    return exit_code(survey, declined=declined)


async def _collect(
    settings: NodeSettings, agreed: Callable[[Survey], bool] | None, *, pause_s: float
) -> tuple[Survey, bool]:
    """Return what was found and what became of it, and whether deleting was declined."""
    async with _left_overs(settings) as left_overs:
        survey = await left_overs.survey(pause_s=pause_s)
        if agreed is None or not survey.of(Verdict.ORPHANED):
            return survey, False
        if not agreed(survey):
            return survey, True
        return await left_overs.delete(survey), False


@asynccontextmanager
async def _left_overs(settings: NodeSettings) -> AsyncIterator[LeftOvers]:
    chosen = checked_saladcloud(settings)
    node = checked_node(settings, chosen)
    config = kubernetes_config(settings.kubeconfig)
    async with connected(config) as connection, saladcloud_client(chosen) as (client, budget):
        with explained(config.cluster.server):
            identity = await read_cluster_id(connection.cluster, settings.cluster_id)
            owners = Owners(cluster_id=identity, node=node)
            # Without an informer every pod is read.
            judge = Judge(connection.cluster, node, known_uids=frozenset)
            yield LeftOvers(client, budget, owners, judge, monotonic=time.monotonic)


def show(survey: Survey, *, output: _Output, to_stderr: bool = False) -> None:
    """Print the survey: the result to standard output, the summary of a table to standard error."""
    if output == "json":
        print(json.dumps(document_of(survey), indent=2))
        return
    if survey.groups:
        width = max(Console().width, WIDEST_TABLE)
        Console(width=width, stderr=to_stderr).print(table_of(survey))
    print(summary_of(survey), file=sys.stderr)


def exit_code(survey: Survey, *, declined: bool) -> int:
    """Return 1 where something that may have to go was not dealt with."""
    unconfirmed = any(report.deleted is False for report in survey.groups)
    return EXIT_LEFT if declined or unconfirmed or survey.of(Verdict.UNKNOWN) else EXIT_DONE

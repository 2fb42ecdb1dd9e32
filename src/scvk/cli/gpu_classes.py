"""`scvk gpu-classes`: the GPU classes that the annotation salad.com/gpu-classes may name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from scvk.agent import saladcloud_client
from scvk.saladcloud.models import GpuClass, body_of
from scvk.settings import CheckedSaladCloud, SaladCloudSettings, checked_saladcloud

WIDEST_TABLE = 160
"""Columns that the table may take."""
PRIORITIES = ("high", "medium", "low", "batch")


def gpu_classes(
    settings: SaladCloudSettings | None = None,
    *,
    output: Annotated[Literal["table", "json"], Parameter(help="A table for people, or JSON.")] = "table",
) -> int:
    """List the GPU classes of the organization: name, UUID, limits and price per hour by priority.

    Examples
    --------
    The name or the UUID of a line is what a pod's annotation takes:

        scvk gpu-classes --sce-organization-name acme-corp

    """
    chosen = checked_saladcloud(settings or SaladCloudSettings(), needs_project=False)
    classes = asyncio.run(_read(chosen))
    if output == "json":
        print(json.dumps([body_of(one) for one in classes], indent=2))
    else:
        # A table is never cut: who has a narrow terminal can scroll, and a pipe has no width.
        console = Console()
        Console(width=max(console.width, WIDEST_TABLE)).print(table_of(classes))
    return 0


async def _read(chosen: CheckedSaladCloud) -> Sequence[GpuClass]:
    async with saladcloud_client(chosen) as (client, _):
        return (await client.list_gpu_classes()).items


def table_of(classes: Sequence[GpuClass]) -> Table:
    """Return the classes by name; prices are US dollars an hour, as the platform writes them."""
    table = Table(box=None, pad_edge=False)
    for title in ("NAME", "GPUS", "MAX CPU", "MAX RAM"):
        table.add_column(title, no_wrap=True, justify="left" if title == "NAME" else "right")
    for priority in PRIORITIES:
        table.add_column(priority.upper(), justify="right")
    table.add_column("DEMAND")
    table.add_column("ID", no_wrap=True)
    for one in sorted(classes, key=lambda gpu_class: gpu_class.name):
        prices = {price.priority: price.price for price in one.prices or ()}
        table.add_row(
            one.name,
            str(one.gpu_count or 1),
            _shown(one.max_vcpu),
            _shown(one.max_ram, " MB"),
            *(f"${prices[priority]}" if priority in prices else "-" for priority in PRIORITIES),
            "high" if one.is_high_demand else "",
            one.id,
        )
    return table


def _shown(number: int | None, unit: str = "") -> str:
    return "-" if number is None else f"{number}{unit}"

"""`scvk gpu-classes`: the GPU classes that the annotation salad.com/gpu-classes may name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from scvk.agent import saladcloud_client
from scvk.provider.gpu_offers import Offer, Order, Wish, available_at, ordered, price_at, vram_gb
from scvk.saladcloud.models import GpuAvailabilityPrototype, GpuClass, Priority, body_of
from scvk.settings import CheckedSaladCloud, SaladCloudSettings, SettingsError, checked_saladcloud

WIDEST_TABLE = 200
"""Columns that the table may take."""
_GIB = 1024**3
_MB_PER_GIB = 1024
_PriorityName = Literal["high", "medium", "low", "batch"]
_OrderName = Literal["name", "price", "vram", "count", "cpu", "ram", "available"]
_AtLeastZero = Number(gte=0)


def gpu_classes(
    settings: SaladCloudSettings | None = None,
    *,
    output: Annotated[
        Literal["table", "json"], Parameter(name=("--output", "-o"), help="A table for people, or JSON.")
    ] = "table",
    name: Annotated[str, Parameter(help="Only classes with this in their name, such as 4090.")] = "",
    min_vram: Annotated[int, Parameter(validator=_AtLeastZero, help="Only with so many GB of memory a GPU.")] = 0,
    count: Annotated[int | None, Parameter(validator=Number(gte=1), help="Only with exactly so many GPUs.")] = None,
    min_cpu: Annotated[int, Parameter(validator=_AtLeastZero, help="Only if so many vCPUs can be had.")] = 0,
    min_ram: Annotated[int, Parameter(validator=_AtLeastZero, help="Only if so many GiB of RAM can be had.")] = 0,
    max_price: Annotated[str, Parameter(help="Only up to so many US dollars an hour, at --priority.")] = "",
    no_high_demand: Annotated[bool, Parameter(negative=(), help="Leave out those in high demand.")] = False,
    priority: Annotated[
        _PriorityName, Parameter(help="The priority that --max-price, --available and --sort look at.")
    ] = "high",
    availability: Annotated[
        bool, Parameter(negative=(), help="Also ask how many machines can be had now: one request a class.")
    ] = False,
    available: Annotated[
        int, Parameter(validator=_AtLeastZero, help="Only if so many machines can be had now; asks for it.")
    ] = 0,
    sort: Annotated[_OrderName, Parameter(help="Sort by this: cheapest, largest or most first.")] = "name",
    reverse: Annotated[bool, Parameter(negative=(), help="The other way round.")] = False,
) -> int:
    """List the GPU classes of the organization: name, GPUs, memory, limits, price per hour by priority, demand, UUID.

    Examples
    --------
    The name or the UUID of a line is what a pod's annotation takes:

        scvk gpu-classes --sce-organization-name acme-corp

    The cheapest with 24 GB that can be had now, at batch priority:

        scvk gpu-classes --min-vram 24 --available 1 --priority batch --sort price

    """
    chosen = checked_saladcloud(settings or SaladCloudSettings(), needs_project=False)
    wish = Wish(
        name=name,
        least_vram_gb=min_vram,
        gpu_count=count,
        least_vcpu=min_cpu,
        least_ram_gb=min_ram,
        most_price=_price(max_price),
        priority=Priority(priority),
        without_high_demand=no_high_demand,
    )
    ask = availability or available > 0 or sort == "available"
    offers = asyncio.run(_read(chosen, wish, ask=ask))
    if available:
        offers = [offer for offer in offers if (available_at(offer, wish.priority) or 0) >= available]
    offers = ordered(offers, Order(sort), wish.priority, reverse=reverse)
    if output == "json":
        print(json.dumps([as_document(offer) for offer in offers], indent=2))
    else:
        # A table is never cut: who has a narrow terminal can scroll, and a pipe has no width.
        console = Console()
        Console(width=max(console.width, WIDEST_TABLE)).print(table_of(offers))
    return 0


async def _read(chosen: CheckedSaladCloud, wish: Wish, *, ask: bool) -> list[Offer]:
    async with saladcloud_client(chosen) as (client, _):
        classes = (await client.list_gpu_classes()).items
        offers = [Offer(each) for each in classes if wish.fits(each)]
        if not ask:
            return offers
        return [
            replace(
                offer,
                availability=await client.get_gpu_availability(
                    GpuAvailabilityPrototype(gpu_classes=(offer.gpu_class.id,))
                ),
            )
            for offer in offers
        ]


def as_document(offer: Offer) -> dict[str, Any]:
    """Return what SaladCloud says of the class, and beside it `vram_gb` and `availability`, null where not known."""
    return {
        **body_of(offer.gpu_class),
        "vram_gb": vram_gb(offer.gpu_class),
        "availability": None if offer.availability is None else body_of(offer.availability),
    }


def table_of(offers: Sequence[Offer]) -> Table:
    """Return the offers in their order; prices are US dollars an hour, as the platform writes them."""
    asked = any(offer.availability is not None for offer in offers)
    table = Table(box=None, pad_edge=False)
    table.add_column("NAME", no_wrap=True)
    for title in ("GPUS", "VRAM", "CPU", "RAM", "STORAGE"):
        table.add_column(title, no_wrap=True, justify="right")
    for priority in Priority:
        table.add_column(priority.value.upper(), justify="right")
    table.add_column("DEMAND")
    if asked:
        table.add_column("AVAILABLE", no_wrap=True)
    table.add_column("ID", no_wrap=True)
    for offer in offers:
        table.add_row(*_cells(offer, asked=asked))
    return table


def _cells(offer: Offer, *, asked: bool) -> list[str]:
    one: GpuClass = offer.gpu_class
    prices = [price_at(one, priority) for priority in Priority]
    counts = [available_at(offer, priority) for priority in Priority]
    return [
        one.name,
        str(one.gpu_count or 1),
        _shown(vram_gb(one), " GB"),
        _range(one.min_vcpu, one.max_vcpu, 1, ""),
        _range(one.min_ram, one.max_ram, _MB_PER_GIB, " GiB"),
        _range(one.min_storage, one.max_storage, _GIB, " GiB"),
        *("-" if price is None else f"${price}" for price in prices),
        "high" if one.is_high_demand else "",
        *([" / ".join(_shown(count) for count in counts)] if asked else []),
        one.id,
    ]


def _range(least: int | None, most: int | None, unit: int, name: str) -> str:
    if most is None:
        return "-"
    return f"{'' if least is None else f'{least / unit:g}-'}{most / unit:g}{name}"


def _shown(number: int | None, unit: str = "") -> str:
    return "-" if number is None else f"{number}{unit}"


def _price(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        price = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price < 0:
        raise SettingsError(f"--max-price: {text!r} is no amount of US dollars such as 0.25")
    return price

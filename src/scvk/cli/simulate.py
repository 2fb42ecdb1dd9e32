"""`scvk simulate`: SaladCloud on this machine, in the foreground."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from scvk.simulator.run import run_simulate


def simulate(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, Parameter(validator=Number(gte=0, lte=65535), help="Port to listen on; 0 takes a free one and prints it.")
    ] = 8787,
    api_key: Annotated[
        tuple[str, ...], Parameter(negative=(), help="An API key that is accepted; repeatable. Default: one is made.")
    ] = (),
    organization: Annotated[
        tuple[str, ...], Parameter(negative=(), help="An organization that exists; repeatable.")
    ] = ("acme-corp",),
    project: Annotated[
        tuple[str, ...], Parameter(negative=(), help="A project that each organization has; repeatable.")
    ] = ("default",),
    speed: Annotated[float, Parameter(validator=Number(gt=0), help="Simulated seconds in a real one.")] = 1.0,
    seed: Annotated[int | None, Parameter(help="Makes chance repeatable.")] = None,
    unknown_images: Annotated[
        Literal["idle", "fail"],
        Parameter(
            help="What becomes of images that the simulator has no stand-in for: a sleeping program, or failure."
        ),
    ] = "idle",
    isolation: Annotated[
        Literal["auto", "none"],
        Parameter(help="How programs are kept apart: as well as the machine allows, or not at all."),
    ] = "auto",
) -> int:
    """Simulate SaladCloud on this machine until interrupted: its REST API, and instances as local processes.

    The base URL is printed; it is what `--api-url` and SALAD_CLOUD_API_URL take.

    Examples
    --------
    At twenty times the speed, with a key of one's own:

        scvk simulate --port 8787 --api-key secret --speed 20

    """
    return run_simulate(
        host=host,
        port=port,
        api_keys=api_key,
        organizations=organization,
        projects=project,
        speed=speed,
        seed=seed,
        unknown_images=unknown_images,
        isolation=isolation,
    )

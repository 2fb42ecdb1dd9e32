"""What `scvk translate --look-up-images` reads from registries: the configuration of images that a request needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from scvk.provider.image_configs import LIMITS, LOOK_UP_S, ImageConfigs, Known, NotKnown
from scvk.registry import AddressPolicy, ImageConfig, ImageReference, Login, RegistryClient


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What registries told, by the image's name in the pod: configurations, and why others could not be had."""

    configs: Mapping[str, ImageConfig] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)


async def look_up(
    images: Mapping[str, tuple[ImageReference, tuple[Login, ...]]], registries: AddressPolicy
) -> LookedUp:
    """Ask the registries of all `images`, each with the logins to try; takes a minute for an image at most."""
    async with RegistryClient(registries, LIMITS) as client:
        lookups = ImageConfigs(client, time.monotonic)
        try:
            answers = await asyncio.gather(
                *(
                    lookups.look_up(reference, logins, patience_s=LOOK_UP_S * len(images))
                    for reference, logins in images.values()
                )
            )
        finally:
            await lookups.aclose()
    told = dict(zip(images, answers, strict=True))
    return LookedUp(
        {image: answer.config for image, answer in told.items() if isinstance(answer, Known)},
        {image: answer.reason for image, answer in told.items() if isinstance(answer, NotKnown)},
    )

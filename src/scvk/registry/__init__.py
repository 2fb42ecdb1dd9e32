"""Container registries: manifests, configurations and layers of images. Knows neither cloud nor cluster.

    async with RegistryClient(AddressPolicy()) as client:
        image = await client.image(parse_reference("busybox:1.36"), Login("user", "password"))
        image.config.entrypoint                      # what the provider needs
        async with ImageStore(cache, client) as store:
            stored = await store.pull(image)         # unpacked once, by digest; what the simulator needs

A reference comes from a tenant and a registry may be hostile: every answer is bounded in bytes and time, addresses
are checked where the connection is made, and a login goes only to the registry and to the realm it names.
`errors` draws the tree of what can go wrong.
"""

from scvk.registry.client import RegistryClient, RemoteImage
from scvk.registry.config import ImageConfig
from scvk.registry.errors import (
    AddressRefused,
    ImageNotFound,
    InvalidReference,
    RegistryError,
    StoreUnusable,
    TooLarge,
    Unauthorized,
    Unreachable,
    Unreadable,
)
from scvk.registry.limits import Limits
from scvk.registry.login import Login
from scvk.registry.manifest import Descriptor, Platform
from scvk.registry.policy import AddressPolicy
from scvk.registry.reference import ImageReference, parse_reference
from scvk.registry.store import ImageStore, StoredImage

__all__ = [
    "AddressPolicy",
    "AddressRefused",
    "Descriptor",
    "ImageConfig",
    "ImageNotFound",
    "ImageReference",
    "ImageStore",
    "InvalidReference",
    "Limits",
    "Login",
    "Platform",
    "RegistryClient",
    "RegistryError",
    "RemoteImage",
    "StoreUnusable",
    "StoredImage",
    "TooLarge",
    "Unauthorized",
    "Unreachable",
    "Unreadable",
    "parse_reference",
]

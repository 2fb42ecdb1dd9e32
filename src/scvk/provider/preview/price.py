"""The price of a request: that of the GPU classes which it allows, at its priority."""

from __future__ import annotations

from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.preview.pod_report import Price
from scvk.saladcloud.models import ContainerGroupPrototype

CURRENCY = "USD"


def price_of(request: ContainerGroupPrototype, catalogue: GpuCatalogue) -> Price | None:
    """Return the range of prices; None without a GPU, for which SaladCloud lists none.

    Any class that the request allows may be given. Without a priority any of SaladCloud's may hold.
    """
    wanted = {class_id.casefold() for class_id in request.container.resources.gpu_classes or ()}
    priority = request.container.priority
    amounts = [
        amount
        for gpu_class in catalogue.classes
        if gpu_class.id.casefold() in wanted
        for price in gpu_class.prices or ()
        if priority in (None, price.priority) and (amount := price.amount) is not None
    ]
    return Price(min(amounts), max(amounts)) if amounts else None

"""The job queue whose jobs SaladCloud sends to the program: `salad.com/queue-…` annotations."""

from __future__ import annotations

from lightkube.models.core_v1 import Container

from scvk.provider.annotations import QUEUE, QUEUE_NAME, QUEUE_PATH, QUEUE_PORT
from scvk.provider.translate.finding import Report
from scvk.provider.translate.ports import port_of
from scvk.provider.translate.settings import INVALID, Settings
from scvk.saladcloud.models import QueueConnection

# OpenAPI document, ContainerGroupQueueConnection
_NAME_PATTERN = "[a-z][a-z0-9-]{0,61}[a-z0-9]"
_MAX_PATH_LENGTH = 1024


def queue_of(settings: Settings, container: Container, report: Report) -> QueueConnection | None:
    """Return the queue's connection, None where the pod has none."""
    if not settings.asks_for(QUEUE_NAME, QUEUE):
        return None
    missing = [annotation for annotation in QUEUE if settings.text(annotation) is None]
    for annotation in missing:
        report.refuse(annotation.path, INVALID, f"{annotation.key} is missing; a queue needs its name, port and path")
    name = settings.matching(QUEUE_NAME, _NAME_PATTERN)
    port = port_of(settings, QUEUE_PORT, container)
    path = settings.line(QUEUE_PATH, longest=_MAX_PATH_LENGTH)
    if name is None or port is None or path is None:
        return None
    return QueueConnection(queue_name=name, port=port, path=path)

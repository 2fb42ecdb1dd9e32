"""What changes a group's replica count by itself: queues with an autoscaler, and schedules."""

from __future__ import annotations

from scvk.saladcloud.models.base import Model


class QueueConnection(Model, frozen=True, kw_only=True):
    """The queue whose jobs are sent to `port` and `path` of an instance: all three required."""

    path: str | None = None
    port: int | None = None
    queue_name: str | None = None


class QueueAutoscaler(Model, frozen=True, kw_only=True):
    """How the queue's length sets the replica count.

    Required in requests: `desired_queue_length` 1 to 100, `max_replicas` 1 to 500, `min_replicas` 0 to 100.
    Optional: `max_downscale_per_minute` and `max_upscale_per_minute` 1 to 100 instances, `polling_period`
    15 to 1800 seconds.
    """

    desired_queue_length: int | None = None
    max_downscale_per_minute: int | None = None
    max_replicas: int | None = None
    max_upscale_per_minute: int | None = None
    min_replicas: int | None = None
    polling_period: int | None = None


class ScalingAction(Model, frozen=True, kw_only=True):
    """A replica count (0 to 500) that a cron schedule of five fields sets: both required in requests."""

    replicas: int | None = None
    schedule: str | None = None

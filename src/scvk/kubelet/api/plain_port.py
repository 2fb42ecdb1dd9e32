"""The plain port: metrics of the agent and its health, without TLS and without a right, for whoever reaches it.

So it tells nothing of any pod: what pods use, and everything else, is behind the HTTPS port.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import Route

from scvk.kubelet.api.figures import Figures
from scvk.kubelet.api.health import healthz


def plain_app(figures: Figures, ailment: Callable[[], str | None]) -> Starlette:
    """Return the application."""
    app = Starlette(
        routes=[
            Route("/metrics", figures.metrics, methods=["GET"]),
            Route("/healthz", healthz(ailment), methods=["GET"]),
        ]
    )
    app.router.redirect_slashes = False
    return app

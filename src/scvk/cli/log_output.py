"""How log lines look: text for people or JSON for machines, always on standard error, never with a secret."""

from __future__ import annotations

import logging
import sys
from typing import Literal, TextIO

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logs(level: str, form: Literal["text", "json"], stream: TextIO | None = None) -> None:
    """Set up structlog for the whole process. `level` is one of Python's words in lower case.

    `stream` replaces standard error, for a program that has the terminal to itself.
    """
    stream = stream or sys.stderr
    # What libraries say (asyncio of a task that failed, above all) takes the same way.
    logging.basicConfig(handlers=[_ToStructlog()], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS.get(level, logging.CRITICAL)),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )


class _ToStructlog(logging.Handler):
    """Hands records of the standard library's logging on, so that every line looks alike."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one line; the text of an exception goes along."""
        structlog.get_logger(record.name).log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
        )

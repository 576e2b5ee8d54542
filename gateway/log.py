"""Structured logs: one JSON object a line on standard error, without content.

Events carry names, numbers and codes only. The libraries' own loggers stay at
WARNING, since some of them write bodies and headers below that.
"""

import logging
import sys
import traceback
from typing import Any

import structlog


def configure_logging(level: str = "INFO") -> None:
    """Set up structlog and the standard library's root logger for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _JsonFormatter(logging.Formatter):
    """Records of the standard library in the same shape. Of an exception only its type and
    its frames are written: its text may quote content."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            event["error_type"] = record.exc_info[0].__name__
            event["frames"] = [f"{frame.filename}:{frame.lineno}" for frame in frames[-8:]]
        return structlog.processors.JSONRenderer()(None, "", event)  # type: ignore[return-value]

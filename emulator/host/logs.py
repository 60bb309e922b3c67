"""Log lines of the host and of the app: on stderr, with time (UTC), level, logger and message."""

import logging
import os
import sys
import time

_TRUE = {"1", "true", "t", "yes", "y"}


def effective_level(option: str | None, configured: int) -> int:
    """Return the least level to log: the option, else DEBUG if the worker's own setting asks, else host.json's."""
    if option is not None:
        return logging.getLevelNamesMapping()[option.upper()]
    if os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING", "").strip().lower() in _TRUE:
        return logging.DEBUG
    return configured


def configure_logging(level: int) -> None:
    """Send everything from `level` on to stderr. The worker's own chatter is shown at DEBUG only."""
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler])
    if level > logging.DEBUG:
        # In Azure these are system logs, which the app's owner does not see either.
        logging.getLogger("azure.functions").setLevel(max(level, logging.WARNING))
        logging.getLogger("asyncio").setLevel(max(level, logging.WARNING))

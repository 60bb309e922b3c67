"""Whether somebody listens on a port of this machine."""

import socket


def is_open(port: int) -> bool:
    """Say whether 127.0.0.1 takes connections on it."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True

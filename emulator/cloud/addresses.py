"""The sockets that the emulated cloud listens on, and their URLs.

Standard library only: whoever starts the cloud binds the ports and can tell others the URLs before
anything heavy has been imported. A bound socket already queues connections, so nobody is refused meanwhile.
"""

import errno
import os
import socket
from dataclasses import dataclass
from typing import Self

LOOPBACK = "127.0.0.1"
_BACKLOG = 512


class PortUnavailableError(OSError):
    """A port cannot be listened on; the message names it and says why."""


def listen(port: int) -> socket.socket:
    """Listen on 127.0.0.1:`port` (0: a free port). Raises PortUnavailableError naming the port."""
    bound = bind(port)
    bound.listen(_BACKLOG)
    return bound


def bind(port: int) -> socket.socket:
    """Hold 127.0.0.1:`port` without listening: connections to it are refused. Raises PortUnavailableError."""
    if not 0 <= port <= 65535:
        raise PortUnavailableError(errno.EINVAL, f"{port} is not a TCP port: give one from 0 (any free one) to 65535")
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # Without it a port stays unusable for a minute after each stop; on Windows it would mean "steal the port".
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK, port))
    except OSError as error:
        bound.close()
        raise PortUnavailableError(error.errno, _explain(port, error)) from error
    bound.setblocking(False)
    return bound


def port_of(bound: socket.socket) -> int:
    """Return the TCP port that a bound socket holds."""
    return int(bound.getsockname()[1])


def _explain(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {LOOPBACK} is in use by another process"
    if error.errno == errno.EACCES:
        return f"port {port} on {LOOPBACK} may not be used by this user"
    return f"port {port} on {LOOPBACK} cannot be used: {error.strerror}"


@dataclass(frozen=True, slots=True)
class CloudSockets:
    """One listening socket for each service of the cloud.

    ARM, the data plane, Key Vault and Event Grid speak TLS, the others plain HTTP.
    """

    arm: socket.socket
    data_plane: socket.socket
    key_vault: socket.socket
    event_grid: socket.socket
    identity: socket.socket
    control: socket.socket

    @classmethod
    def bind(cls, control_port: int = 0) -> Self:
        """Listen on `control_port` (0: a free one) and on free ports for the rest.

        Raises PortUnavailableError, with every socket closed again, when a port cannot be had.
        """
        opened: list[socket.socket] = []
        try:
            opened.extend(listen(port) for port in (control_port, 0, 0, 0, 0, 0))
        except OSError:
            for each in opened:
                each.close()
            raise
        control, arm, data_plane, key_vault, event_grid, identity = opened
        return cls(
            arm=arm,
            data_plane=data_plane,
            key_vault=key_vault,
            event_grid=event_grid,
            identity=identity,
            control=control,
        )

    @property
    def arm_url(self) -> str:
        """Origin of ARM, without a trailing slash: `https://localhost:<port>`."""
        return f"https://localhost:{port_of(self.arm)}"

    @property
    def data_plane_url(self) -> str:
        """Origin of the data plane, without a trailing slash: `https://localhost:<port>`."""
        return f"https://localhost:{port_of(self.data_plane)}"

    @property
    def key_vault_url(self) -> str:
        """Origin of the key vault, without a trailing slash: `https://localhost:<port>`."""
        return f"https://localhost:{port_of(self.key_vault)}"

    @property
    def topic_url(self) -> str:
        """Event Grid's endpoint of the topic, as Azure shows it: `https://localhost:<port>/api/events`."""
        return f"https://localhost:{port_of(self.event_grid)}/api/events"

    @property
    def identity_url(self) -> str:
        """The value for IDENTITY_ENDPOINT: `http://127.0.0.1:<port>/msi/token`."""
        return f"http://{LOOPBACK}:{port_of(self.identity)}/msi/token"

    @property
    def control_url(self) -> str:
        """Origin of the control API, without a trailing slash: `http://127.0.0.1:<port>`."""
        return f"http://{LOOPBACK}:{port_of(self.control)}"

    def close(self) -> None:
        """Close all sockets; for a cloud that was never started (a started one closes them itself)."""
        for each in (*(self.arm, self.data_plane, self.key_vault, self.event_grid, self.identity, self.control),):
            each.close()

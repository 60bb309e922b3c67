"""Sockets before anything else: cheap, on the loopback alone, and clear when a port cannot be had."""

import socket
import subprocess
import sys

import pytest

from emulator.cloud.addresses import CloudSockets, PortUnavailableError, bind, listen, port_of


def test_free_ports_are_found_and_named_in_the_urls() -> None:
    """Every service has a port of its own; ARM, the data plane, Key Vault and Event Grid are localhost over TLS."""
    sockets = CloudSockets.bind()
    try:
        assert sockets.arm_url == f"https://localhost:{port_of(sockets.arm)}"
        assert sockets.data_plane_url == f"https://localhost:{port_of(sockets.data_plane)}"
        assert sockets.key_vault_url == f"https://localhost:{port_of(sockets.key_vault)}"
        assert sockets.topic_url == f"https://localhost:{port_of(sockets.event_grid)}/api/events"
        assert sockets.identity_url == f"http://127.0.0.1:{port_of(sockets.identity)}/msi/token"
        assert sockets.control_url == f"http://127.0.0.1:{port_of(sockets.control)}"
        urls = (sockets.arm_url, sockets.data_plane_url, sockets.key_vault_url, sockets.identity_url)
        assert len({*urls, sockets.topic_url, sockets.control_url}) == 6
        assert sockets.arm.getsockname()[0] == "127.0.0.1"
    finally:
        sockets.close()


def test_a_connection_is_queued_before_anybody_serves() -> None:
    """A bound port accepts connections at once, so that an early client waits and is not refused."""
    sockets = CloudSockets.bind()
    try:
        socket.create_connection(("127.0.0.1", port_of(sockets.control))).close()
    finally:
        sockets.close()


def test_a_port_in_use_is_named_and_nothing_stays_open() -> None:
    """The error names the port; the sockets that were opened before it are closed again."""
    with listen(0) as taken:
        port = port_of(taken)
        with pytest.raises(PortUnavailableError, match=f"port {port} on 127.0.0.1 is in use by another process"):
            CloudSockets.bind(port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_named(port: int) -> None:
    """A number out of range is an error of the same kind."""
    with pytest.raises(PortUnavailableError, match=f"{port} is not a TCP port"):
        CloudSockets.bind(port)


def test_a_port_that_is_held_refuses_connections() -> None:
    """Bound but not listening: the port is ours and nobody gets through."""
    with bind(0) as held, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(held)))


def test_what_the_supervisor_needs_first_imports_nothing_heavy() -> None:
    """addresses, authority and settings load neither asyncio nor aiohttp nor trustme."""
    code = (
        "import sys, emulator.cloud.addresses, emulator.cloud.authority, emulator.cloud.settings;"
        "print(sorted({'asyncio', 'aiohttp', 'trustme', 'cryptography'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 -- this interpreter
    assert output.stdout.strip() == "[]"

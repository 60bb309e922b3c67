"""The emulator's own certificate authority, kept in a directory and shared by all that start there.

Clients must trust the authority before their process starts (aiohttp and requests read the trust store once), so
its file has to outlive the process that made it: `ca.pem` and `ca-key.pem` are the authority, `server.pem` the
services' certificate and key, `untrusted.pem` one from an authority that nobody trusts, for the `tls` fault.
Importing this module costs next to nothing; trustme is loaded only when something has to be made.
"""

import contextlib
import os
import ssl
import sys
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trustme

_IDENTITIES = ("localhost", "127.0.0.1", "::1")
# Apple's platforms refuse TLS server certificates that are valid for more than 825 days
# (support.apple.com/en-us/103769), whoever issued them.
_VALIDITY = timedelta(days=800)
# One that ends during a long run would be worse than one made anew at the start.
_MARGIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Authority:
    """Files, all PEM, all there and checked: the authority to trust and the server's certificate with its key."""

    ca_file: Path
    server_certificate_file: Path

    def server_context(self) -> ssl.SSLContext:
        """Return a TLS context for a server that clients of `ca_file` trust for localhost, 127.0.0.1 and ::1."""
        return _server_context(self.server_certificate_file)

    def untrusted_server_context(self) -> ssl.SSLContext:
        """Return a TLS context for the same names, of an authority that nobody trusts; made at first use."""
        file = self.ca_file.with_name("untrusted.pem")
        with _lock(self.ca_file.parent):
            if not _serves(file, None):
                _issue(_new_authority(), file)
        return _server_context(file)


def ensure_authority(directory: Path) -> Authority:
    """Return the authority kept in `directory`, making or mending what is missing, unreadable or about to expire.

    Safe against other processes doing the same at the same moment. Raises OSError when `directory` is not writable
    and something had to be written.
    """
    directory = directory.resolve()
    authority = Authority(directory / "ca.pem", directory / "server.pem")
    if not _serves(authority.server_certificate_file, authority.ca_file):
        directory.mkdir(parents=True, exist_ok=True)
        with _lock(directory):
            # Another process may have made it while this one waited.
            if not _serves(authority.server_certificate_file, authority.ca_file):
                _make(directory, authority)
    return authority


def _make(directory: Path, authority: Authority) -> None:
    key_file = directory / "ca-key.pem"
    ca = _read_authority(authority.ca_file, key_file)
    if ca is not None:
        # Whoever trusts this authority already goes on doing so; only the server's certificate is new.
        _issue(ca, authority.server_certificate_file)
    if ca is None or not _serves(authority.server_certificate_file, authority.ca_file):
        ca = _new_authority()
        _write(key_file, ca.private_key_pem.bytes(), private=True)
        _write(authority.ca_file, ca.cert_pem.bytes())
        _issue(ca, authority.server_certificate_file)


def _new_authority() -> "trustme.CA":
    import trustme  # slow to import, and needed once in the life of a checkout

    return trustme.CA(organization_name="Emulated Azure", organization_unit_name="Local development only")


def _read_authority(ca_file: Path, key_file: Path) -> "trustme.CA | None":
    try:
        certificate, key = ca_file.read_bytes(), key_file.read_bytes()
    except OSError:
        return None
    import trustme  # slow to import, and needed once in the life of a checkout

    try:
        return trustme.CA.from_pem(certificate, key)
    except (ValueError, TypeError):
        return None


def _issue(ca: "trustme.CA", file: Path) -> None:
    leaf = ca.issue_cert(*_IDENTITIES, not_after=datetime.now(UTC) + _VALIDITY)
    _write(file, leaf.private_key_and_cert_chain_pem.bytes(), private=True)


def _write(file: Path, content: bytes, *, private: bool = False) -> None:
    """Replace `file` in one step: a reader sees the old content or the new, never half of it."""
    # mkstemp makes files that only their owner reads and writes (0600).
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        if not private:
            Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _server_context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A resumed session shows no certificate, so the `tls` fault would pass unseen by a client that resumes.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.load_cert_chain(file)
    return context


def _serves(file: Path, ca_file: Path | None) -> bool:
    """Say whether a client that trusts `ca_file` (None: that checks nothing) would accept a server that uses `file`.

    Found out by a handshake in memory: that checks key, chain, names and dates at once, as a client will.
    """
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if ca_file is None:
            client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
        else:
            client_context.load_verify_locations(ca_file)
        certificate = _handshake(client_context, _server_context(file))
    except OSError:
        return False
    if ca_file is None:
        return True
    try:
        expires = [str(each["notAfter"]) for each in (certificate, *client_context.get_ca_certs())]
    except KeyError:
        return False
    return min(map(ssl.cert_time_to_seconds, expires)) > (datetime.now(UTC) + _MARGIN).timestamp()


def _handshake(client_context: ssl.SSLContext, server_context: ssl.SSLContext) -> dict[str, object]:
    """Return the server's certificate as the client sees it; raises ssl.SSLError (an OSError) if it refuses it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=_IDENTITIES[0])
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        done = [_advance(side) for side in (client.do_handshake, server.do_handshake)]
        if all(done):
            break
    else:
        raise ssl.SSLError("the handshake did not end")
    return dict(client.getpeercert() or {})


def _advance(step: Callable[[], None]) -> bool:
    try:
        step()
    except ssl.SSLWantReadError:
        return False
    return True


@contextlib.contextmanager
def _lock(directory: Path) -> Generator[None]:
    """Hold the directory's lock, which the operating system frees even if the process is killed."""
    with (directory / "lock").open("a+b") as stream:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
        # Closing the file frees the lock.
        yield

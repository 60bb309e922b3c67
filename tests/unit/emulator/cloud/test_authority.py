"""The certificate authority: made once, shared by all, mended when it has to be."""

import ssl
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from emulator.cloud.authority import Authority, ensure_authority


def _handshake(server: ssl.SSLContext, ca_file: Path, name: str) -> None:
    """Connect in memory as a client that trusts `ca_file` and expects `name`; raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=str(ca_file))
    client = context.wrap_bio(to_client, to_server, server_hostname=name)
    peer = server.wrap_bio(to_server, to_client, server_side=True)
    for step in (client.do_handshake, peer.do_handshake, client.do_handshake):
        try:
            step()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_clients_that_trust_the_authority_accept_the_server(tmp_path: Path, name: str) -> None:
    """The certificate is good for each name of this machine."""
    authority = ensure_authority(tmp_path)
    _handshake(authority.server_context(), authority.ca_file, name)


def test_other_names_are_refused(tmp_path: Path) -> None:
    """The certificate is good for nothing else."""
    authority = ensure_authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(authority.server_context(), authority.ca_file, "management.azure.com")


def test_the_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    """It has the right names and the wrong authority; a second one is not made."""
    authority = ensure_authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        _handshake(authority.untrusted_server_context(), authority.ca_file, "localhost")
    before = (tmp_path / "untrusted.pem").read_bytes()
    authority.untrusted_server_context()
    assert (tmp_path / "untrusted.pem").read_bytes() == before


def test_it_is_made_once_and_reused(tmp_path: Path) -> None:
    """A second start finds the same files; keys are readable by their owner alone."""
    directory = tmp_path / "new" / "directory"
    first = ensure_authority(directory)
    contents = {file.name: file.read_bytes() for file in directory.glob("*.pem")}
    assert ensure_authority(directory) == first
    assert {file.name: file.read_bytes() for file in directory.glob("*.pem")} == contents
    assert set(contents) == {"ca.pem", "ca-key.pem", "server.pem"}
    for name in ("ca-key.pem", "server.pem"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600


def _broken(directory: Path, kind: str) -> None:
    match kind:
        case "no server certificate":
            (directory / "server.pem").unlink()
        case "unreadable server certificate":
            (directory / "server.pem").write_text("nonsense")
        case "expired server certificate":
            ca = trustme.CA.from_pem((directory / "ca.pem").read_bytes(), (directory / "ca-key.pem").read_bytes())
            past = datetime.now(UTC) - timedelta(days=1)
            leaf = ca.issue_cert("localhost", not_before=past - timedelta(days=1), not_after=past)
            (directory / "server.pem").write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
        case "server certificate about to expire":
            ca = trustme.CA.from_pem((directory / "ca.pem").read_bytes(), (directory / "ca-key.pem").read_bytes())
            leaf = ca.issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=1))
            (directory / "server.pem").write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
        case _:
            raise ValueError(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "no server certificate",
        "unreadable server certificate",
        "expired server certificate",
        "server certificate about to expire",
    ],
)
def test_a_bad_server_certificate_is_issued_anew(tmp_path: Path, kind: str) -> None:
    """The authority stays, so that whoever trusts it already goes on doing so."""
    ca = ensure_authority(tmp_path).ca_file.read_bytes()
    _broken(tmp_path, kind)
    authority = ensure_authority(tmp_path)
    assert authority.ca_file.read_bytes() == ca
    _handshake(authority.server_context(), authority.ca_file, "127.0.0.1")


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
def test_a_bad_authority_is_made_anew_when_it_is_needed(tmp_path: Path, name: str) -> None:
    """Without its certificate or key no server certificate can be issued: everything is new."""
    before = ensure_authority(tmp_path).ca_file.read_bytes()
    (tmp_path / name).write_text("nonsense")
    (tmp_path / "server.pem").unlink()
    authority = ensure_authority(tmp_path)
    assert authority.ca_file.read_bytes() != before
    _handshake(authority.server_context(), authority.ca_file, "localhost")


def test_files_of_two_authorities_are_mended(tmp_path: Path) -> None:
    """A server certificate from elsewhere does not pass for ours."""
    ours, theirs = ensure_authority(tmp_path / "ours"), ensure_authority(tmp_path / "theirs")
    ours.server_certificate_file.write_bytes(theirs.server_certificate_file.read_bytes())
    authority = ensure_authority(tmp_path / "ours")
    _handshake(authority.server_context(), authority.ca_file, "localhost")


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    """Several first starts at the same moment end with one authority, and with files that fit each other."""
    code = (
        "import hashlib, sys; from pathlib import Path; from emulator.cloud.authority import ensure_authority;"
        "sys.stdin.readline(); a = ensure_authority(Path(sys.argv[1])); a.server_context();"
        "print(hashlib.sha256(a.ca_file.read_bytes() + a.server_certificate_file.read_bytes()).hexdigest())"
    )
    processes = [
        subprocess.Popen(  # noqa: S603 -- this interpreter
            [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        if process.stdin is None:
            raise RuntimeError("no pipe")
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(set(outputs)) == 1
    assert Authority(tmp_path / "ca.pem", tmp_path / "server.pem") == ensure_authority(tmp_path)

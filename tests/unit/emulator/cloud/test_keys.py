"""Both shapes of access keys."""

import base64
import re

import pytest

from emulator.cloud.keys import KeyShape, cask_checksum, marvin, new_key


def test_the_older_shape_is_64_random_bytes() -> None:
    """88 characters of base64."""
    key = new_key("base64")
    assert len(key) == 88
    assert len(base64.b64decode(key, validate=True)) == 64


def test_the_newer_shape_is_an_annotated_key_of_this_service() -> None:
    """84 characters that match the published pattern, carry the service's mark and decode to 63 bytes."""
    key = new_key("cask")
    # SEC101/200 of microsoft/security-utilities, with the service's signature.
    assert re.fullmatch(r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9][A-L][A-Za-z0-9]{16}AZCS[A-Za-z0-9]{4}", key)
    assert len(base64.b64decode(key, validate=True)) == 63
    assert cask_checksum(key[:80]) == key[80:]


def test_the_checksum_depends_on_every_character() -> None:
    """Another character anywhere, another checksum."""
    body = new_key("cask")[:80]
    others = {body[:at] + ("A" if body[at] != "A" else "B") + body[at + 1 :] for at in range(80)}
    assert cask_checksum(body) not in {cask_checksum(other) for other in others}


@pytest.mark.parametrize("shape", ["base64", "cask"])
def test_no_two_keys_are_alike(shape: KeyShape) -> None:
    """Keys are random."""
    assert len({new_key(shape) for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("seed", "data", "expected"),
    [
        (0xD53CD9CECD0893B7, b"abc", 0x22C74339492769BF),
        (0x0DDDDEEEEFFFF000, b"abcdefghijklmnopqrstuvwxyz", 0xA128EB7E7260ACA2),
        (0x004FB61A001BDBCC, b"", 0x30ED35C100CD3C7D),
        (0x804FB61A801BDBCC, bytes([255, 0, 255, 0]), 0xD3BEC7726B057943),
    ],
)
def test_marvin_gives_the_published_results(seed: int, data: bytes, expected: int) -> None:
    """Test vectors of SymCrypt's marvin32.c and microsoft/security-utilities' marvin_tests.rs."""
    assert marvin(data, seed) == expected

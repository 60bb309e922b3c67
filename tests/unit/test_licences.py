"""The licences of what is deployed are known, permissive enough, and written down."""

import re

from tests.support.licences import PAGE, deployed, page

# those that ask for nothing but their notice, and the MPL, whose files are not changed here
_FINE = re.compile(
    r"MIT|MIT-0|MIT License|Apache-2\.0|Apache Software License|BSD License|BSD-[23]-Clause|3-Clause BSD License|ISC"
    r"|PSF-2\.0|Python Software Foundation License|Mozilla Public License 2\.0 \(MPL 2\.0\)|MPL-2\.0"
)


def test_the_page_of_licences_is_what_is_installed() -> None:
    """docs/licences.md names every deployed package with its licence; `make licences` writes it anew."""
    assert PAGE.read_text("utf-8") == page()


def test_every_licence_lets_the_app_be_used_and_passed_on() -> None:
    """No deployed package has a licence that is unknown, or that asks for more than its notice."""
    terms = {name: re.split(r" AND | OR | / ", licence) for name, licence in deployed().items()}
    assert terms
    assert {name: each for name, each in terms.items() if not all(map(_FINE.fullmatch, each))} == {}

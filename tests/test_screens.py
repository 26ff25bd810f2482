"""The pictures in README.md: small, whole, and with nothing in them that comes from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screens"
PICTURES = sorted(FOLDER.glob("*.svg"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_small_and_whole_and_asks_nobody(picture: Path) -> None:
    text = picture.read_text()
    assert len(text.encode()) < 300_000
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own
    assert not re.search(r"(?:src|href|url)\s*[=(:]\s*[\"']?https?:", text)


def test_the_moving_one_has_all_the_others() -> None:
    moving = (FOLDER / "journey.svg").read_text()
    assert moving.count('class="frame"') == len(PICTURES) - 1 >= 6
    assert "docs/screens/journey.svg" in (FOLDER.parent.parent / "README.md").read_text()

"""What the README shows is what the program prints."""

import re
from pathlib import Path

import pytest

from pixelstat import __version__
from pixelstat.reports import NAMES
from pixelstat.vocabulary import EVENT_SYNONYMS
from tests.readme import BLOCK, README, generated

CHANGELOG = Path(README).parent / "CHANGELOG.md"
GROUPS = Path(README).parent / "sample_logs" / "shop.groups"


def test_the_vocabulary_is_listed() -> None:
    listed = README.read_text().partition("other events keep their name:\n")[2].partition(".")[0]
    assert listed.replace("`", "").split() == list(EVENT_SYNONYMS)


@pytest.mark.slow
def test_every_block_of_output_is_what_the_program_prints() -> None:
    text = README.read_text()
    assert len(BLOCK.findall(text)) >= 5
    assert generated(text) == text


def test_the_rules_of_page_groups_are_those_that_its_command_reads() -> None:
    assert f"\n```\n{GROUPS.read_text()}```\n" in README.read_text()


def test_every_report_has_its_heading() -> None:
    headings = re.findall(r"^### `(\w+)`", README.read_text(), re.MULTILINE)
    assert headings == list(NAMES)


def test_the_changelog_names_this_version() -> None:
    assert f"## {__version__}" in CHANGELOG.read_text()

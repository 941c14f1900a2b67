"""Check README.md and the manual: what they show is what the program prints, and their form is that of `help`."""

import re
from pathlib import Path

import pytest

from pixelstat import __version__
from pixelstat.cli import commands
from pixelstat.reports import NAMES
from pixelstat.vocabulary import EVENT_SYNONYMS
from tests.readme import BLOCK, README, ROOT, TOPICS, write_outputs

MAX_README_LINES, MAX_TOPIC_LINES = 250, 200
MAX_SENTENCE_WORDS = 25
MAX_LINE_CHARS = 120
PAGES = [README, *TOPICS]
TEXTS = {page.stem: page.read_text("utf-8") for page in PAGES}
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
EXAMPLE = re.compile(r"^(?:\$ )?pixelstat ([\w-]+)", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_output_is_what_the_program_prints(page: Path) -> None:
    text = page.read_text("utf-8")
    assert write_outputs(text) == text


def test_the_readme_shows_outputs_and_is_short() -> None:
    assert len(BLOCK.findall(TEXTS["README"])) >= 5
    assert len(TEXTS["README"].splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.stem)
def test_a_topic_begins_with_a_title_and_a_short_sentence(topic: Path) -> None:
    lines = TEXTS[topic.stem].splitlines()
    title, blank, *rest = lines
    assert re.fullmatch(r"# \S.*", title)
    assert blank == ""
    paragraph = " ".join(rest[: rest.index("")])
    sentence = re.match(r"[A-Z`].*?\.(?=\s|$)", paragraph)
    assert sentence, paragraph
    assert len(sentence[0].split()) <= MAX_SENTENCE_WORDS
    assert len(lines) <= MAX_TOPIC_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_lines_are_short_outside_of_blocks_and_tables(page: Path) -> None:
    lines = FENCE.sub("", TEXTS[page.stem]).splitlines()
    assert [line for line in lines if len(line) > MAX_LINE_CHARS and not line.startswith("|")] == []


def test_every_report_and_command_has_an_example_in_the_manual() -> None:
    shown = {name for topic in TOPICS for name in EXAMPLE.findall(TEXTS[topic.stem])}
    assert {*NAMES, *commands.NAMES} - shown == set()


def test_every_topic_that_a_page_refers_to_exists() -> None:
    for text in TEXTS.values():
        assert {*re.findall(r"`pixelstat help ([a-z-]+)`", text)} <= {*TEXTS, *NAMES}


def test_the_vocabulary_is_listed() -> None:
    listed = TEXTS["protocols"].partition("The vocabulary is:\n\n")[2].partition("\n\n")[0]
    assert listed.replace("`", "").split() == list(EVENT_SYNONYMS)


def test_the_rules_of_page_groups_are_those_that_its_command_reads() -> None:
    assert f"\n```\n{(ROOT / 'sample_logs' / 'shop.groups').read_text()}```\n" in TEXTS["page-groups"]


def test_the_changelog_names_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()

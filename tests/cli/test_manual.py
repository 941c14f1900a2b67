"""`help` lists the topics of the manual, shows one of them, and shows all options of a command."""

import re
from pathlib import Path

import pytest

from pixelstat.cli.command_line import COMMANDS
from pixelstat.cli.manual import FOLDER, list_topic_names, load_topic, load_topics
from tests.run import run_in_process

TOPICS = load_topics()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manual of two topics, beside a file that is not one."""
    (tmp_path / "visits.md").write_text("# Visits\n\nA visit ends after\na pause. It has pages.\n\n## More\n\nText.\n")
    (tmp_path / "orders.md").write_text("# Orders\n\nWhat is v. 2?\n")
    (tmp_path / "notes.txt").write_text("nothing")
    return tmp_path


def test_the_folder_is_the_list_of_topics(folder: Path) -> None:
    topics = load_topics(folder)
    assert list_topic_names(folder) == list(topics) == ["orders", "visits"]
    assert (topics["visits"].title, topics["visits"].summary) == ("Visits", "A visit ends after a pause.")
    assert topics["visits"].text.endswith("Text.\n")


def test_the_manual_has_topics_of_the_form_that_the_list_needs() -> None:
    assert TOPICS
    for topic in TOPICS.values():
        assert re.fullmatch(r"[a-z][a-z-]*", topic.name)
        assert topic.text.startswith(f"# {topic.title}\n\n")
        assert topic.title
        assert 3 < len(topic.summary.split()) <= 25, topic.name
        assert topic.summary.endswith("."), topic.name


def test_help_lists_each_topic_with_its_summary(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "help")
    text = " ".join(finished.stdout.split())
    assert (finished.exit, finished.stderr) == (0, "")
    assert [topic.name for topic in TOPICS.values() if f"{topic.name} {topic.summary}" not in text] == []


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_in_a_pipe_is_the_markdown_as_it_is(tmp_path: Path, name: str) -> None:
    finished = run_in_process(tmp_path, "help", name)
    assert (finished.exit, finished.stderr) == (0, "")
    assert finished.stdout == (FOLDER / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in TOPICS])
def test_help_on_a_command_is_its_whole_help(tmp_path: Path, name: str) -> None:
    finished = run_in_process(tmp_path, "help", name)
    assert (finished.exit, finished.stderr) == (0, "")
    whole = run_in_process(tmp_path, name, "--help-all")
    assert finished.stdout == (whole if whole.exit == 0 else run_in_process(tmp_path, name, "--help")).stdout


def test_help_on_a_report_shows_the_defaults_of_the_report(tmp_path: Path) -> None:
    assert re.search(r"--bots MODE[^\[]*\[default:\s+include\]", run_in_process(tmp_path, "help", "clicks").stdout)


def test_an_unknown_topic_is_an_error_that_suggests_and_lists_all(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "help", "limitz")
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr.startswith("Error: There is no help topic 'limitz'. Did you mean limits?\n\nTopics: ")
    assert [name for name in (*TOPICS, *COMMANDS) if name not in finished.stderr] == []


def test_a_topic_is_rendered_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from pixelstat.terminal import show_markdown

    text = load_topic("limits").text
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show_markdown(text)
    shown = capsys.readouterr().out
    assert "# Limits" not in shown
    assert "Limits" in shown
    assert max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in shown.splitlines()) <= 100

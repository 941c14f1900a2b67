"""`plan-experiment`, or `experiment plan`, tells how many visitors an experiment needs; a log may be called plan."""

from pathlib import Path

import pytest

from tests.builders import hit, log
from tests.run import csv_rows, run_in_process

BASE = ("--baseline", "10%", "--lift", "20%")


@pytest.mark.parametrize("words", ["experiment plan", "plan-experiment"])
def test_both_names_plan_an_experiment(words: str, tmp_path: Path) -> None:
    [row] = csv_rows(run_in_process(tmp_path, *words.split(), *BASE, "--visitors-per-day", "500", "--format", "csv"))
    assert row == {
        "variants": "2", "baseline": "0.1", "lift": "0.2", "target": "0.12", "alpha": "0.05", "power": "0.8",
        "visitors_per_variant": "3841", "visitors": "7682", "days": "16",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "visitors"),
    [
        (("--baseline", "0.1", "--lift", "0.2"), 3841),
        ((*BASE, "--variants", "3"), 4652),
        ((*BASE, "--power", "90%"), 5142),
        ((*BASE, "--alpha", "1%"), 5716),
        (("--baseline", "10%", "--lift", "-20%"), 3213),
        (("--baseline", "50%", "--lift", "50%", "--power", "90%"), 77),
    ],
)
def test_visitors_per_variant(arguments: tuple[str, ...], visitors: int, tmp_path: Path) -> None:
    [row] = csv_rows(run_in_process(tmp_path, "plan-experiment", *arguments, "--format", "csv"))
    assert (int(row["visitors_per_variant"]), row["days"]) == (visitors, "")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("experiment plan access.log", "A plan reads no logs, but the command line names 'access.log'."),
        ("experiment plan", "Missing option '--baseline'."),
        (
            "experiment plan --baseline 10 --lift 5%",
            "Invalid value for '--baseline': '10' has no percent sign. Try 10%.",
        ),
        ("experiment plan --baseline 120% --lift 5%", "must be above 0% and below 100%. Try 10%."),
        ("experiment plan --baseline x --lift 5%", "Invalid value for '--baseline': 'x' is not a percentage. Try 10%."),
        ("experiment plan --baseline 10% --lift 0%", "Invalid value for '--lift': '0%' is out of range"),
        ("experiment plan --baseline 60% --lift 80%", "A lift of +80.0% makes the rate 108.0%."),
        ("plan", "There is no command 'plan'."),
    ],
)
def test_a_plan_that_cannot_be_made(arguments: str, error: str, tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, *arguments.split())
    assert finished.exit == 2
    assert error in finished.stderr


def test_a_log_called_plan_is_read_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "plan").write_text(log(hit("ann", "page_view", "10:00", p="/", variant="a")))
    [row] = csv_rows(run_in_process(tmp_path, "experiment", "./plan", "-q", "--format", "csv"))
    assert (row["variant"], row["visitors"]) == ("a", "1")
    assert "experiment ./plan" in run_in_process(tmp_path, "experiment", "plan", "plan").stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--lift 0.0000001%", "Error: A lift of +1e-09 needs more visitors than there are people."),
        ("--lift 10% --power 2.5%", "Error: --power 2.5% is not above --alpha 5.0%."),
    ],
)
def test_a_plan_without_sense_is_refused(options: str, sentence: str, tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "experiment", "plan", "--baseline", "3%", *options.split())
    assert (finished.exit, finished.stderr.splitlines()[0]) == (2, sentence)

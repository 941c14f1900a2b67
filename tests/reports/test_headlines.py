"""The title of a table has the headline figure of its report, and its notes say what to look at first."""

from pathlib import Path

import pytest

from tests.builders import hit, log, view
from tests.run import run_in_process

SHOP = log(
    view("ann", "/", "10:00"),
    view("ann", "/cart", "10:01"),
    hit("ann", "add_to_cart", "10:02", product="k1"),
    hit("ann", "purchase", "10:03", order_id="A1", value="20", cur="EUR"),
    view("ben", "/", "11:00"),
    hit("ben", "add_to_cart", "11:01", product="k1"),
    view("cy", "/", "12:00"),
    view("dee", "/", "13:00", day="2026-09-09"),
)


def table(folder: Path, *arguments: str, content: str = SHOP) -> list[str]:
    """The lines of a report as a table."""
    (folder / "access.log").write_text(content)
    finished = run_in_process(folder, *arguments, "access.log", "-q", "--format", "table")
    assert finished.exit == 0, finished.stderr
    return finished.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        ("summary", "Summary: 4 visitors, 4 visits"),
        ("summary --by page", "Summary"),
        ("funnel --steps /,add_to_cart,purchase --window 1d", "Funnel: 1 of 4 visitors (25.0%) convert"),
        ("funnel --steps /,purchase --unit visit", "Funnel: 1 of 4 visits (25.0%) convert"),
        ("funnel --steps /,purchase --by page", "Funnel"),
        ("funnel --steps /,purchase --histogram", "Funnel"),
        ("views", "Page views: 5 page views"),
        ("views --top 1", "Page views"),
        ("views --every day --top 1", "Page views: 5 page views"),
        ("visits", "Visits: 4 visits, bounce rate 50.0%"),
        ("visits --every day", "Visits: 4 visits, bounce rate 50.0%"),
        ("visits --by page", "Visits"),
        ("visitors --every all", "Visitors: 4 visitors, 4 of them new"),
        ("visitors", "Visitors"),
        ("conversions", "Conversions: 1 of 4 visitors (25.0%) reach purchase"),
        ("conversions --by page", "Conversions"),
        ("orders", "Orders: 1 order, revenue 20.00 EUR"),
        ("orders --repeat --horizon 1d", "Orders: 0 of 1 customers (0.0%) order again"),
        ("products --abandoned --window 1d", "Products: 1 of 2 carts (50.0%) are abandoned"),
        ("products", "Products"),
    ],
)
def test_a_title_has_the_headline_where_the_rows_hold_it(arguments: str, title: str, tmp_path: Path) -> None:
    assert table(tmp_path, *arguments.split())[0] == title


@pytest.mark.slow
def test_a_report_without_rows_has_a_title(tmp_path: Path) -> None:
    nothing = log(hit("ann", "page_view", "10:00", p="/", status=404))
    for report in ("summary", "funnel", "views", "visits", "visitors", "conversions", "orders", "products"):
        assert table(tmp_path, report, content=nothing)[0].split(":")[0] in (report.capitalize(), "Page views")


def test_the_line_below_the_title_has_period_zone_and_settings(tmp_path: Path) -> None:
    lines = table(tmp_path, "funnel", "--steps", "/,purchase", "--window", "1d", "--tz", "Europe/Berlin")
    assert lines[1] == "2026-09-07 12:00 to 2026-09-09 15:00 Europe/Berlin; window 1d from the first step to the last"


@pytest.mark.parametrize(
    ("window", "notes"),
    [
        ("7d", ["All who dropped out may still convert: their window of 7d was open when the log ended."]),
        ("1h", []),
    ],
)
def test_pending_is_a_note_where_all_rows_agree(window: str, notes: list[str], tmp_path: Path) -> None:
    content = log(
        view("ann", "/", "10:00"), view("ben", "/", "10:01"), hit("ann", "purchase", "10:02"), view("cy", "/x", "12:00")
    )
    lines = table(tmp_path, "funnel", "--steps", "/,purchase", "--window", window, content=content)
    assert "pending" not in lines[3]
    assert [line.partition(" Try")[0] for line in " ".join(lines).split("  ") if "may still convert" in line] == notes


def test_pending_is_a_column_where_rows_differ(tmp_path: Path) -> None:
    lines = table(tmp_path, "funnel", "--steps", "/,add_to_cart,purchase", "--window", "1d")
    assert "pending" in lines[3]


def test_the_largest_drop_of_a_funnel_is_named(tmp_path: Path) -> None:
    lines = table(tmp_path, "funnel", "--steps", "/,add_to_cart,purchase", "--window", "1d")
    assert "Largest drop: 2 of 4 visitors (50.0%) do not go on to add_to_cart." in lines
    nobody = log(view("ann", "/", "10:00"), hit("ann", "purchase", "10:01"))
    assert not any(
        "Largest drop" in line for line in table(tmp_path, "funnel", "--steps", "/,purchase", content=nobody)
    )

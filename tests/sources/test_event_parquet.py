"""Parquet of events is an input that gives the figures of its logs."""

import json
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest

from pixelstat.schemas import EXPORTED
from pixelstat.sources.event_parquet import ADDED_COLUMNS
from tests.builders import log, request
from tests.marks import slow_after
from tests.run import run_in_process
from tests.small_logs import ORDER_STORY

REPORTS = (
    ["views", "--top", "0"],
    ["views", "--every", "hour"],
    ["funnel", "--steps", "open,page_view,purchase"],
    ["funnel", "--steps", "page_view,page_view"],
    ["summary"],
    ["visitors"],
    ["visits", "--by", "entry_page"],
    ["sources"],
    ["devices"],
    ["opens"],
    ["orders"],
    ["orders", "--repeat", "--by", "page"],
    ["funnel", "--order", "strict", "--by", "page"],
    ["paths", "--from", "/"],
    ["conversions"],
)

WRITTEN: tuple[list[str], ...] = ([], ["--reveal-ids"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text(ORDER_STORY)
    return tmp_path


ITEMS = [["K1", 'Ké\t"|\\', ["Kitchen"], 89.5, 2], ["=C2", "x\ny"]]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder whose log has an order of two products, an event of one and one of none."""
    (tmp_path / "access.log").write_text(
        log(
            request(f"/matomo.php?idsite=1&_id=7&ec_id=A1&ec_items={quote(json.dumps(ITEMS))}", "10:00"),
            request("/pixel.gif?e=atc&v=ann&sku=K1&price=89.5", "10:01"),
            request("/pixel.gif?e=pv&v=ann&p=/", "10:02"),
        )
    )
    return tmp_path


@pytest.mark.slow
def test_products_come_back_out_of_parquet(shop: Path) -> None:
    run_in_process(shop, "events", "access.log", "-q", "-o", "events.parquet")
    run_in_process(shop, "events", "events.parquet", "-q", "-o", "again.parquet")
    again = pl.read_parquet(shop / "again.parquet")
    assert again.schema == EXPORTED
    assert again.equals(pl.read_parquet(shop / "events.parquet"))
    assert (
        run_in_process(shop, "events", "events.parquet", "-q").stdout
        == run_in_process(shop, "events", "access.log", "-q").stdout
    )


@pytest.mark.slow
@pytest.mark.parametrize("written", WRITTEN, ids="".join)
@pytest.mark.parametrize("report", slow_after(2, REPORTS), ids=" ".join)
def test_a_report_over_parquet_gives_the_figures_of_the_logs(
    report: list[str], written: list[str], folder: Path
) -> None:
    run_in_process(folder, "events", "access.log", *written, "-o", "events.parquet")
    expected = run_in_process(folder, *report, "access.log", "-q").stdout
    assert expected.count("\n") > 1
    assert run_in_process(folder, *report, "events.parquet", "-q").stdout == expected
    run_in_process(folder, "events", "events.parquet", *written, "-o", "again.parquet", "--tz", "Asia/Tokyo")
    assert run_in_process(folder, *report, "again.parquet", "-q").stdout == expected


@pytest.mark.slow
@pytest.mark.parametrize("written", WRITTEN, ids="".join)
@pytest.mark.parametrize("report", slow_after(2, REPORTS), ids=" ".join)
def test_a_hit_in_parquet_and_in_a_log_counts_once(report: list[str], written: list[str], folder: Path) -> None:
    lines = ORDER_STORY.splitlines(keepends=True)
    (folder / "first.log").write_text("".join(lines[:5]))
    (folder / "then.log").write_text("".join(lines[2:]))
    run_in_process(folder, "events", "first.log", *written, "-o", "first.parquet")
    expected = run_in_process(folder, *report, "access.log", "-q").stdout
    assert run_in_process(folder, *report, "first.parquet", "then.log", "-q").stdout == expected
    assert run_in_process(folder, *report, "then.log", "first.parquet", "access.log", "-q").stdout == expected


def test_parquet_of_earlier_versions_lacks_columns_that_came_later(folder: Path) -> None:
    run_in_process(folder, "events", "access.log", "-q", "-o", "events.parquet")
    pl.read_parquet(folder / "events.parquet").drop(ADDED_COLUMNS).write_parquet(folder / "old.parquet")
    arguments = ("orders", "-q", "--revenue", "net-of-tax-and-shipping")
    found = run_in_process(folder, *arguments, "old.parquet")
    assert found == run_in_process(folder, *arguments, "events.parquet")
    assert len(found.stdout.splitlines()) > 1


@pytest.mark.slow
def test_options_select_among_the_events_of_parquet(folder: Path) -> None:
    run_in_process(folder, "events", "access.log", "--bots", "include", "--reveal-ids", "-o", "events.parquet")
    assert run_in_process(folder, "views", "events.parquet", "-q").stdout == "page,views,visitors\n/,2,1\n"
    assert (
        run_in_process(folder, "views", "events.parquet", "-q", "--bots", "only").stdout
        == "page,views,visitors\n/,1,1\n"
    )
    finished = run_in_process(
        folder, "views", "events.parquet", "--where", "visitor = 'v:ann'", "--since", "2026-09-07 10:02"
    )
    nothing = "Warning: the logs contain nothing that views counts, so it is empty.\n"
    assert finished.stderr.startswith(f"{nothing}1 event from 6 lines; excluded: ")
    assert finished.stdout == "page,views,visitors\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PAR1 and then nothing", "cannot be read as Parquet"),
        (None, "is Parquet, but lacks columns of events: time, protocol,"),
    ],
)
def test_parquet_without_events_is_an_error(content: bytes | None, sentence: str, folder: Path) -> None:
    if content:
        (folder / "other.parquet").write_bytes(content)
    else:
        pl.DataFrame({"a": [1]}).write_parquet(folder / "other.parquet")
    finished = run_in_process(folder, "views", "other.parquet")
    assert (finished.exit, finished.stdout) == (2, "")
    assert sentence in finished.stderr


@pytest.mark.slow
def test_parquet_cannot_be_piped(folder: Path) -> None:
    run_in_process(folder, "events", "access.log", "-o", "events.parquet")
    finished = run_in_process(folder, "views", stdin=(folder / "events.parquet").read_bytes())
    assert (finished.exit, "Give the path of the file" in finished.stderr) == (2, True)


@pytest.mark.slow
def test_a_hit_in_two_files_of_parquet_counts_once(
    tmp_path: Path,
) -> None:
    line = request("/pixel.gif?e=pv&v=ann&p=/", "10:00")
    (tmp_path / "access.log").write_text(log(line, line, request("/pixel.gif?e=pv&v=ben&p=/", "10:01")))
    run_in_process(tmp_path, "events", "access.log", "-o", "once.parquet")
    run_in_process(tmp_path, "events", "access.log", "-o", "all.parquet", "--keep-duplicates")
    pl.read_parquet(tmp_path / "once.parquet").write_parquet(tmp_path / "untold.parquet")

    def views(*names: str) -> tuple[str, str]:
        finished = run_in_process(tmp_path, "views", *names, "--format", "csv")
        return finished.stdout.splitlines()[1], finished.stderr.splitlines()[0]

    assert views("once.parquet") == ("/,2,2", "2 events from 2 lines")
    assert views("untold.parquet") == ("/,2,2", "2 events from 2 lines")
    assert views("all.parquet") == ("/,2,2", "2 events from 3 lines; excluded: 1 duplicate")
    assert views("once.parquet", "untold.parquet")[0] == "/,2,2"
    assert views("once.parquet", "access.log")[0] == "/,2,2"


@pytest.mark.slow
def test_the_consent_of_parquet_is_read_again_where_the_config_reads_it_otherwise(tmp_path: Path) -> None:
    lines = [request(f"/pixel.gif?e=pv&v={who}&p=/&ok={ok}", "10:00") for who, ok in (("ann", 1), ("ben", 0))]
    (tmp_path / "access.log").write_text(log(*lines, request("/pixel.gif?e=pv&v=cy&p=/&us_privacy=1YYN", "10:01")))
    run_in_process(tmp_path, "events", "access.log", "-o", "events.parquet", "--reveal-ids", "--consent", "ignore")

    def visitors() -> str:
        return run_in_process(tmp_path, "views", "events.parquet", "--format", "csv").stdout.splitlines()[1]

    assert visitors() == "/,2,2"
    (tmp_path / "pixelstat.toml").write_text('[consent]\nparameter = "ok"\ngranted = ["1"]\n')
    assert visitors() == "/,1,1"

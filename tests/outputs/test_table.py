"""The table for people: what it leaves out where there is not much room, bars, trees, and text that cannot harm."""

import io
import re
from pathlib import Path
from time import monotonic

import polars as pl
import pytest
from rich.cells import cell_len
from rich.console import Console

from pixelstat import outputs
from pixelstat.cli.comparison import join_periods
from pixelstat.cli.delivery import select_columns
from pixelstat.outputs.table import ASCII, fit_columns, fit_rows, render
from pixelstat.result import Column, Result
from tests.builders import log, view
from tests.run import run_in_process

COLUMNS = [
    Column("goal"),
    Column("source", key=True),
    Column("visits", "count", minor=True),
    Column("rate", "share"),
    Column("rate_low", "share", detail=True),
    Column("orders", "count"),
    Column("revenue", "money"),
]
FRAME = pl.DataFrame(
    {"goal": ["purchase"], "source": [None], "visits": [7], "rate": [0.5], "rate_low": [0.2], "orders": [2], "revenue": [12.0]},
    schema_overrides={"source": pl.String},
)  # fmt: skip


@pytest.mark.parametrize(
    ("width", "shown", "left_out"),
    [
        (60, "goal source visits rate rate_low orders revenue", ""),
        (52, "goal source visits rate orders revenue", "1 more column: --format csv"),
        (42, "goal source rate orders revenue", "2 more columns: --format csv"),
        (36, "goal source orders revenue", "3 more columns: --format csv"),
        (30, "goal source revenue", "4 more columns: --format csv"),
        (18, "goal source", "5 more columns: --format csv"),
        (10, "goal", "6 more columns: --format csv"),
    ],
)
def test_minor_columns_go_first_then_rates_then_counts_and_money_and_keys_last(
    width: int, shown: str, left_out: str
) -> None:
    fitting = fit_columns(Result("Goals", COLUMNS, FRAME), width)
    assert " ".join(column.name for column in fitting.columns) == shown
    assert " ".join(fitting.notes) == left_out


def test_an_empty_column_goes_before_those_with_figures() -> None:
    frame = pl.DataFrame({"message": ["launch"], "empty": [None], "opens": [1_234_567], "openers": [1]})
    columns = [Column("message"), Column("empty", "count"), Column("opens", "count"), Column("openers", "count")]
    for width, shown in ((60, "message empty opens openers"), (30, "message opens openers"), (22, "message opens")):
        fitting = fit_columns(Result("Opens", columns, frame), width)
        assert " ".join(column.name for column in fitting.columns) == shown


def test_a_flag_never_goes() -> None:
    columns = [Column("day"), Column("views", "count"), Column("incomplete", "flag")]
    frame = pl.DataFrame({"day": ["Monday"], "views": [1], "incomplete": [True]})
    lines = printed(Result("Views", columns, frame), 20)
    assert lines[1].split() == ["day", "incomplete"]
    assert lines[3].split() == ["Monday", "yes"]


def test_a_hidden_column_is_in_no_table() -> None:
    columns = [Column("page"), Column("pending", "count", hidden=True), Column("views", "count")]
    frame = pl.DataFrame({"page": ["/"], "pending": [3], "views": [1]})
    lines = printed(Result("Views", columns, frame), 80)
    assert lines[1:] == ["page  views", "───────────", "/         1", "1 more column: --format csv"]


def test_a_heading_has_at_most_two_lines_and_no_unit() -> None:
    names = ["median_seconds_to_second_order", "customers_without_second_order", "page", "total_median_seconds"]
    kinds = ["seconds", "count", "text", "seconds"]
    columns = [Column(name, kind) for name, kind in zip(names, kinds, strict=True)]
    frame = pl.DataFrame({names[0]: [90.0], names[1]: [2], "page": ["/"], names[3]: [3.0]})
    for width in range(20, 120, 5):
        lines = printed(Result("Orders", columns, frame), width)
        heading = lines[1 : next(place for place, line in enumerate(lines) if "──" in line)]
        assert len(heading) <= 2
        assert "seconds" not in " ".join(heading)


@pytest.mark.parametrize(
    ("currency", "cells"),
    [
        ("EUR", ["4,785.00", "12.50"]),
        (None, ["4,785.00", "12.50"]),
        ("JPY", ["4,785", "12"]),
        ("KWD", ["4,785.000", "12.500"]),
        ("'; DROP", ["4,785.00", "12.50"]),
    ],
)
def test_amounts_of_money_have_the_decimals_of_their_currency(currency: str | None, cells: list[str]) -> None:
    columns = [Column("currency"), Column("revenue", "money")]
    frame = pl.DataFrame(
        {"currency": [currency] * 2, "revenue": [4_785.0, 12.5]}, {"currency": pl.String, "revenue": pl.Float64}
    )
    lines = printed(Result("Money", columns, frame), 40)
    assert [line.split()[-1] for line in lines[3:]] == cells


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("visitors", 1_198.0, "1,198"),
        ("share", 0.1804, "18.0%"),
        ("seconds", 149.0, "2m 29s"),
        ("EUR", 12.5, "12.50"),
        ("JPY", 1_200.0, "1,200"),
        ("money", 3.0, "3.00"),
        (None, 2.5, "2.50"),
    ],
)
def test_a_figure_is_formatted_by_its_unit(unit: str | None, value: float, shown: str) -> None:
    columns = [Column("unit"), Column("value", "figure")]
    frame = pl.DataFrame({"unit": [unit], "value": [value]}, {"unit": pl.String, "value": pl.Float64})
    assert printed(Result("Summary", columns, frame), 40)[3].endswith(f"  {shown}")


def test_changes_have_a_sign_and_differences_of_rates_are_in_points() -> None:
    columns = [Column("unit"), Column("change", "change"), Column("change_rate", "points")]
    frame = pl.DataFrame({"unit": ["visitors", "share"], "change": [-0.164, 0.015], "change_rate": [0.0213, -0.001]})
    lines = printed(Result("Summary", columns, frame), 60)
    assert [line.split()[1:] for line in lines[3:]] == [["-16.4%", "+2.1", "pp"], ["+1.5", "pp", "-0.1", "pp"]]


def test_a_grouped_column_shows_a_value_once_until_it_or_one_before_it_changes() -> None:
    columns = [Column("file", grouped=True), Column("check", grouped=True), Column("count", "count")]
    rows = [("a", "lines", 1), ("a", "lines", 2), ("a", "pixel", 3), ("b", "pixel", 4), ("b", "pixel", 5)]
    frame = pl.DataFrame(rows, ["file", "check", "count"], orient="row")
    lines = printed(Result("Check", columns, frame), 60)
    assert [line.split() for line in lines[3:]] == [
        ["a", "lines", "1"],
        ["2"],
        ["pixel", "3"],
        ["b", "pixel", "4"],
        ["5"],
    ]


def test_compared_columns_of_a_detail_are_details_too() -> None:
    result = Result("Goals", COLUMNS, FRAME)
    details = [column.name for column in join_periods(result, result).columns if column.detail]
    assert details == ["rate_low", "previous_rate_low", "change_rate_low"]


# -- the table as it is printed --------------------------------------------------------------------------------------


def printed(result: Result, width: int) -> list[str]:
    """The lines of the table on a console of this width, without blanks at their ends and without empty lines."""
    console = Console(file=io.StringIO(), width=width)
    console.print(render(result, width))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]


def written(result: Result) -> str:
    """The table as it is written to a file."""
    file = io.BytesIO()
    outputs.load_output("table")([result], file)
    return file.getvalue().decode()


VIEWS = Result(
    "Page views",
    [Column("page"), Column("views", "count", bar=True), Column("visitors", "count"), Column("rate_low", "share", detail=True)],
    pl.DataFrame({"page": ["/", "/cart", "/about"], "views": [8, 4, 1], "visitors": [3, 2, 1], "rate_low": [0.5, None, 0.25]}),
    subtitle=["2026-09-07 10:00 UTC", "by page"],
)  # fmt: skip


def test_a_table_of_60_columns_has_bars_beside_its_numbers() -> None:
    assert printed(VIEWS, 60) == [
        "Page views",
        "2026-09-07 10:00 UTC; by page",
        "page    views                         visitors  rate low",
        "────────────────────────────────────────────────────────",
        "/           8  █████████████████████         3     50.0%",
        "/cart       4  ██████████▌                   2         –",
        "/about      1  ██▋                           1     25.0%",
    ]


@pytest.mark.parametrize("width", [80, 200])
def test_a_bar_is_never_wider_than_24_columns(width: int) -> None:
    lines = printed(VIEWS, width)
    assert lines[4] == "/           8  ████████████████████████         3     50.0%"
    assert lines[5] == "/cart       4  ████████████                     2         –"
    assert lines[6] == "/about      1  ███                              1     25.0%"


def notes(lines: list[str]) -> str:
    """The text below the rows, in one line."""
    rows = max(place for place, line in enumerate(lines) if line.startswith("/"))
    return " ".join(line.strip() for line in lines[rows + 1 :])


def test_a_note_says_how_many_columns_have_no_room() -> None:
    lines = printed(VIEWS, 29)
    assert lines[2] == "page    views  visitors"
    assert notes(lines) == "1 more column: --format csv"
    lines = printed(VIEWS, 22)
    assert lines[3].split() == ["page", "views"]
    assert notes(lines) == "2 more columns: --format csv"


def test_a_bar_is_left_out_where_a_column_takes_its_room() -> None:
    lines = printed(VIEWS, 29)
    assert lines[4:7] == ["/           8         3", "/cart       4         2", "/about      1         1"]
    assert "█" in "".join(printed(VIEWS, 40))


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([8, 4, 2, 1, 0], ["████████", "████", "██", "█", ""]),
        ([8, 7, 1, None], ["████████", "███████", "█", ""]),
        ([16, 1, 3], ["████████", "▌", "█▌"]),
        ([64, 1, 2], ["████████", "▏", "▎"]),
        ([0, 0], ["", ""]),
    ],
)
def test_a_bar_is_as_long_as_its_share_of_the_largest_value_in_eighths(
    values: list[int | None], bars: list[str]
) -> None:
    result = Result("Views", [Column("views", "count", bar=True)], pl.DataFrame({"views": values}))
    width = max(len(f"{value or 0}") for value in (*values, "views")) + 8 + 6
    assert [re.sub("[^▏▎▍▌▋▊▉█]", "", line) for line in printed(result, width)[3:]] == bars


def test_wide_characters_keep_to_their_column_and_widen_no_line() -> None:
    pages = ["/日本語/とても長いページの名前/" * 2, "/café", "/\N{GRINNING FACE}"]
    frame = pl.DataFrame({"page": pages, "views": [30, 20, 10], "visitors": [3, 2, 1]})
    result = Result("Page views", [Column("page"), Column("views", "count"), Column("visitors", "count")], frame)
    for width in (40, 60, 80, 200):
        lines = printed(result, width)
        assert max(map(cell_len, lines)) <= width
        assert {cell_len(line) for line in lines if re.search(r"\d$", line)} == {cell_len(lines[1])}
        assert "".join(line.split("  ")[0].strip() for line in lines[3:-2]).startswith(pages[0])


def test_a_number_is_never_cut_off() -> None:
    frame = pl.DataFrame({"page": ["/" + "a" * 100], "views": [123_456_789], "visitors": [1_000_000]})
    result = Result("Page views", [Column("page"), Column("views", "count"), Column("visitors", "count")], frame)
    for width in range(20, 120, 5):
        lines = printed(result, width)
        shown = [number for number in ("123,456,789", "1,000,000") if number in "".join(lines)]
        columns = [name for name in ("views", "visitors") if name in lines[1]]
        assert len(shown) == len(columns) == (2 if width > 43 else 1 if width > 33 else 0)


@pytest.mark.parametrize("page", ["/" + "a" * 1_000, "/" + "דף/" * 300, "/صفحة" * 200, "/ページ" * 250, "/a b" * 250])
def test_a_name_of_a_thousand_characters_keeps_to_its_column(page: str) -> None:
    frame = pl.DataFrame({"page": [page, "/"], "views": [123, 4], "visitors": [5, 6]})
    columns = [Column("page"), Column("views", "count", bar=True), Column("visitors", "count")]
    for width in (40, 80, 200):
        lines = printed(Result("Page views", columns, frame), width)
        assert max(map(cell_len, lines)) <= width
        assert len(lines) < 100
        assert re.search(r"\b123\b", " ".join(lines))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/\x1b[2J", r"/\x1b[2J"),
        ("/a\nb\tc\r", r"/a\x0ab\x09c\x0d"),
        ("/\x9b31m", r"/\x9b31m"),
        ("/\u202egnp.exe", r"/\u202egnp.exe"),
        ("/\ufeff\u2028\u2066", r"/\ufeff\u2028\u2066"),
        ("[red]bold[/red]", "[red]bold[/red]"),
        (":smile:", ":smile:"),
        ("/\x00\x7f", r"/\x00\x7f"),
    ],
)
def test_control_characters_are_spelled_out(text: str, shown: str) -> None:
    frame = pl.DataFrame({"page": [text], "views": [1]})
    lines = printed(Result("Page views", [Column("page"), Column("views", "count")], frame), 60)
    assert lines[3].split("  ")[0] == shown


def test_a_title_and_a_caption_are_not_read_as_markup() -> None:
    frame = pl.DataFrame({"page": ["/a/page/with/a/name"], "views": [1]})
    columns = [Column("page"), Column("views", "count")]
    lines = written(Result("[red]Views[/red]", columns, frame, notes=["[b]x[/b] :smile:"])).splitlines()
    assert (lines[0].strip(), lines[-1].strip()) == ("[red]Views[/red]", "[b]x[/b] :smile:")


# -- trees -----------------------------------------------------------------------------------------------------------


def tree(*paths: str, width: int = 60) -> list[str]:
    columns = [Column("path", tree=True), Column("visitors", "count")]
    frame = pl.DataFrame({"path": paths, "visitors": [1] * len(paths)})
    return [line.removesuffix("1").rstrip() for line in printed(Result("Paths", columns, frame), width)[3:]]


def test_a_path_is_drawn_below_the_path_that_it_continues() -> None:
    assert tree("a", "a > b", "a > b > c", "a > d", "e", "e > f") == [
        "a",
        "├─ b",
        "│  └─ c",
        "└─ d",
        "e",
        "└─ f",
    ]


def test_a_path_that_leads_backwards_is_a_tree_too() -> None:
    assert tree("buy", "buy < /cart", "buy < /cart < /", "buy < /") == ["buy", "├─ /cart", "│  └─ /", "└─ /"]


def test_a_step_that_only_begins_like_another_is_not_a_branch_of_it() -> None:
    assert tree("/a", "/ab", "/a > /b") == ["/a", "/ab", "/a > /b"]


# -- where it is printed ---------------------------------------------------------------------------------------------


def test_a_table_outside_a_terminal_has_no_colours() -> None:
    assert "\x1b" not in written(VIEWS)
    assert "█" in written(VIEWS)


def test_a_table_in_a_file_is_100_wide_and_wider_where_its_figures_need_it() -> None:
    def lines(columns: int) -> list[str]:
        names = [f"column{place:02}" for place in range(columns)]
        frame = pl.DataFrame({name: [1] for name in names})
        return written(Result("Many", [Column(name, "count") for name in names], frame)).splitlines()

    assert max(map(len, lines(9))) <= 100
    assert max(map(len, lines(20))) == 20 * 10 - 2
    assert "more column" not in "".join(lines(20))


def test_the_parts_of_a_result_are_one_table() -> None:
    columns = [Column("page"), Column("views", "count")]
    parts = [Result("Page views", columns, pl.DataFrame({"page": [page], "views": [1]})) for page in ("/a", "/b")]
    file = io.BytesIO()
    outputs.load_output("table")(parts, file)
    lines = [line.strip() for line in file.getvalue().decode().splitlines() if line.strip()]
    assert lines[3:] == ["/a        1", "/b        1"]


def test_a_pipe_gets_a_table_without_colours_where_it_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00"), view("ben", "/", "10:01")))
    finished = run_in_process(tmp_path, "views", "access.log", "-q", "--format", "table")
    assert "\x1b" not in finished.stdout
    (row,) = [line.strip() for line in finished.stdout.splitlines() if line.startswith("/")]
    assert row.startswith("/")
    assert row.endswith(" 2")


# -- screens ---------------------------------------------------------------------------------------------------------


def test_a_long_tree_keeps_its_largest_rows_and_all_rows_above_them() -> None:
    pages = [f"/{number:02}" for number in range(40)]
    paths = ["(entry)", *(path for page in pages for path in (f"(entry) > {page}", f"(entry) > {page} > (exit)"))]
    columns = [Column("path", tree=True), Column("visitors", "count", bar=True)]
    result = Result("Paths", columns, pl.DataFrame({"path": paths, "visitors": [40, *[1] * 80]}))
    shown = fit_rows(result, 30)
    assert shown.frame["path"].to_list() == paths[:30]
    assert shown.notes == ["51 more rows with the fewest visitors: --format csv"]
    assert fit_rows(result, 81) == result


def test_a_bar_in_ascii_is_as_wide_as_its_column() -> None:
    frame = pl.DataFrame({"page": ["/a", "/b", "/c"], "views": [64, 5, 31], "visitors": [1, 2, 3]})
    columns = [Column("page"), Column("views", "count", bar=True), Column("visitors", "count")]
    lines = [line.translate(ASCII) for line in printed(Result("Views", columns, frame), 60)]
    assert "\n".join(lines).isascii()
    assert {len(line) for line in lines[3:]} == {len(lines[1])}


@pytest.mark.slow
def test_a_table_of_many_rows_is_drawn_in_time(tmp_path: Path) -> None:
    frame = pl.DataFrame({"page": [f"/{number}" for number in range(8_000)], "views": range(8_000)})
    started = monotonic()
    written(Result("Views", [Column("page"), Column("views", "count", bar=True)], frame))
    assert monotonic() - started < 30  # with a time of each row that grows with their number it takes minutes


def test_cells_keep_their_units_where_the_columns_of_units_are_left_out() -> None:
    columns = [Column("unit"), Column("value", "figure")]
    frame = pl.DataFrame({"unit": ["share", "seconds"], "value": [0.17, 179.0]})
    chosen = select_columns(Result("Summary", columns, frame), ["value"])
    assert [line.strip() for line in printed(chosen, 40)[3:]] == ["17.0%", "2m 59s"]
    assert chosen.frame.columns == ["value"]

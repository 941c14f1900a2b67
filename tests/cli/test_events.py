"""`events`: every output has the same events and columns."""

import csv
import io
import json
import re
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest

from pixelstat import outputs
from pixelstat.protocols.products import make_product
from pixelstat.result import Column, Result
from pixelstat.schemas import EXPORTED
from tests.builders import log, request
from tests.run import run_in_process
from tests.small_logs import ORDER_STORY

EVENTS = ["open", "page_view", "page_view", "purchase", "=HYPERLINK(1)"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text(ORDER_STORY)
    return tmp_path


def read_back(name: str, path: Path) -> pl.DataFrame:
    """An output as other tools read it."""
    if name == "parquet":
        return pl.read_parquet(path)
    if name == "json":
        return pl.DataFrame(json.loads(path.read_text()), infer_schema_length=None)
    if name == "ndjson":
        return pl.DataFrame([json.loads(line) for line in path.read_text().splitlines()], infer_schema_length=None)
    return pl.read_csv(path, separator="\t" if name == "tsv" else ",", quote_char=None if name == "tsv" else '"')


@pytest.mark.slow
@pytest.mark.parametrize("name", ["csv", "tsv", "json", "ndjson", "parquet"])
def test_every_output_holds_all_events_and_columns(name: str, folder: Path) -> None:
    finished = run_in_process(folder, "events", "access.log", "--no-csv-safe", "-o", f"events.{name}")
    assert finished.stderr.startswith("5 events from 10 lines; excluded: 2 duplicates, 1 failed request, 1 bot\n")
    found = read_back(name, folder / f"events.{name}")
    assert found.columns == EXPORTED.names()
    assert found["event"].to_list() == EVENTS
    assert found["value"].cast(pl.Float64).to_list() == [None, None, None, 89.5, None]
    assert found.height == 5


@pytest.mark.slow
def test_times_are_iso_8601_with_the_offset_of_the_zone(folder: Path) -> None:
    finished = run_in_process(folder, "events", "access.log", "-q", "--reveal-ids", "--tz", "Europe/Berlin")
    first = next(csv.DictReader(io.StringIO(finished.stdout)))
    assert (first["time"], first["event"], first["visitor"]) == ("2026-09-07T12:00:00+02:00", "open", "r:ann")


@pytest.mark.slow
def test_cells_that_a_spreadsheet_would_run_are_defused(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run_in_process(folder, "events", "access.log", "-q").stdout)))
    assert [rows[-1]["event"], rows[-1]["page"]] == ["'=HYPERLINK(1)", '/a\n"b']


@pytest.mark.slow
def test_a_table_shows_the_first_and_says_how_many_there_are(folder: Path) -> None:
    (folder / "access.log").write_text(log(*(request(f"/p.gif?v={n}&p=/", "10:00") for n in range(30))))
    finished = run_in_process(folder, "events", "access.log", "--format", "table")
    assert finished.stdout.count("page_view") == 20
    assert "The table shows the first 20 of 30 events. " in finished.stdout


ITEMS = [["K1", 'Ké\t"|\\', ["Kitchen"], 89.5, 2], ["=C2", "x\ny"]]

PRODUCTS = [
    {"id": "K1", "name": 'Ké\t"|\\', "category": "Kitchen", "price": 89.5, "quantity": 2.0},
    {"id": "=C2", "name": "x\ny", "category": None, "price": None, "quantity": None},
]


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
@pytest.mark.parametrize("name", ["csv", "tsv", "json", "ndjson", "parquet"])
def test_products_are_lists_or_json(name: str, shop: Path) -> None:
    assert run_in_process(shop, "events", "access.log", "-q", "-o", f"events.{name}").exit == 0
    cells = read_back(name, shop / f"events.{name}")["products"].to_list()
    if name == "tsv":
        cells = [cell and cell.replace("\\\\", "\\") for cell in cells]
    if name in ("csv", "tsv"):
        assert cells[1] == '[{"id":"K1","name":null,"category":null,"price":89.5,"quantity":null}]'
        cells = [cell and json.loads(cell) for cell in cells]
    assert cells == [PRODUCTS, [make_product("K1", None, None, 89.5)], None]


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_products_are_json_for_people_too(name: str) -> None:
    columns = [Column("products", "list")]
    frame = pl.DataFrame({"products": [[make_product("K1")], None]}, {"products": EXPORTED["products"]})
    file = io.BytesIO()
    outputs.load_output(name)([Result("Events", columns, frame)], file)
    text = re.sub(r"\s*\n\s*|\\", "", file.getvalue().decode())
    assert '[{"id":"K1","name":null,"category":null,"price":null,"quantity":null}]' in text
    assert "–" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("condition", "events"),
    [
        ("products IS NOT NULL", 2),
        ("array_length(products) > 1", 1),
        ("product = 'K1'", 2),
        ("event = 'add_to_cart'", 1),
    ],
)
def test_a_condition_may_name_products(condition: str, events: int, shop: Path) -> None:
    run_in_process(shop, "events", "access.log", "-q", "-o", "events.parquet")
    for given in ("access.log", "events.parquet"):
        finished = run_in_process(shop, "events", given, "-q", "--where", condition, "--format", "ndjson", "-o", "out")
        assert (finished.exit, (shop / "out").read_text().count("\n")) == (0, events)


@pytest.mark.parametrize(
    "condition",
    ["products = 'K1'", "products > 5", "products LIKE 'K1'", "products IN ('K1')", "upper(products) = 'K1'",
     "array_contains(products, 'K1')", "value > 1 AND products <> 'K1'"],
)  # fmt: skip
def test_a_condition_that_compares_products_with_a_text_is_an_error(condition: str, shop: Path) -> None:
    for arguments in (["--where", condition], ["--step", condition]):
        command = "funnel" if arguments[0] == "--step" else "views"
        finished = run_in_process(shop, command, "access.log", *arguments)
        assert finished.exit == 2
        assert (
            "is not an SQL condition: products is a list; use product, the id of the first product.\n"
            in finished.stderr
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", [*outputs.NAMES])
def test_a_log_without_events_gives_an_empty_table_of_the_same_columns(name: str, folder: Path) -> None:
    (folder / "access.log").write_text(log(request("/", "10:00")))
    finished = run_in_process(folder, "events", "access.log", "--format", name, "-o", "out")
    assert finished.exit == 0
    if name in ("csv", "tsv"):
        assert len((folder / "out").read_text().splitlines()) == 1
    if name == "json":
        assert json.loads((folder / "out").read_text()) == []
    if name == "parquet":
        assert pl.read_parquet(folder / "out").schema == EXPORTED


@pytest.mark.slow
def test_a_report_by_an_id_shows_pseudonyms_unless_it_may_reveal_them(folder: Path) -> None:
    hidden = run_in_process(folder, "visits", "access.log", "--by", "visitor", "-q").stdout.splitlines()
    shown = run_in_process(folder, "visits", "access.log", "--by", "visitor", "-q", "--reveal-ids").stdout.splitlines()
    assert [row.partition(",")[0] for row in shown] == ["visitor", "v:ann", "v:ben"]
    assert [row.partition(",")[2] for row in hidden] == [row.partition(",")[2] for row in shown]
    written = run_in_process(folder, "events", "access.log", "-q", "--format", "ndjson").stdout.splitlines()
    pseudonyms = {json.loads(row)["visitor"] for row in written}
    assert {row.partition(",")[0] for row in hidden[1:]} < pseudonyms


@pytest.mark.slow
def test_too_many_bad_lines_leave_no_file(folder: Path) -> None:
    (folder / "access.log").write_text(ORDER_STORY + "no line of a log\n")
    finished = run_in_process(folder, "events", "access.log", "--strict", "-o", "events.csv")
    assert finished.exit == 4
    assert not (folder / "events.csv").exists()


@pytest.mark.slow
def test_many_events_come_in_the_order_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        "".join(
            f'203.0.113.1 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?v={n}&p=/{"x" * 900} HTTP/1.1" 200 43 "-" "Firefox/140.0"\n'
            for n in range(1, 30_001)
        )
    )
    finished = run_in_process(tmp_path, "events", "access.log", "--reveal-ids", "-o", "events.parquet")
    assert finished.exit == 0
    assert pl.read_parquet(tmp_path / "events.parquet")["visitor"].to_list() == [f"v:{n}" for n in range(1, 30_001)]


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """A folder whose log holds two pixels, and names that a terminal or a spreadsheet would obey."""
    (tmp_path / "access.log").write_text(
        log(
            *(request(f"/pixel.gif?e=pv&v={number}&p=/a", "10:00") for number in range(3)),
            request("/pixel.gif?e=pv&v=1&p=/a", "10:00"),  # the same hit again
            request("/pixel.gif?e=%3DHYPERLINK(1)&v=1&p=/%1B%5B2J&%3Dcmd%1B=1&plan+b=2", "10:05"),
            request("/matomo.php?idsite=1&_id=7&url=https://shop.example/b", "10:06"),
            request("/pixel.gif?e=pv&v=9&p=/no", "10:07", status=404),
        )
    )
    return tmp_path


def count_names(folder: Path, *options: str) -> list[tuple[object, ...]]:
    """The rows of `events --count`."""
    finished = run_in_process(folder, "events", "access.log", "--count", "-q", "--format", "json", *options)
    assert finished.exit == 0, finished.stderr
    return [tuple(row.values()) for row in json.loads(finished.stdout)]


def test_the_names_in_a_log_are_counted(names: Path) -> None:
    ten, five = "2026-09-07T10:00:00+00:00", "2026-09-07T10:05:00+00:00"
    six = "2026-09-07T10:06:00+00:00"
    assert count_names(names) == [
        ("house", "event", "page_view", 3, ten, ten),
        ("house", "event", "=HYPERLINK(1)", 1, five, five),
        ("house", "page", "/a", 3, ten, ten),
        ("house", "page", "/\x1b[2J", 1, five, five),
        ("house", "parameter", "e", 4, ten, five),
        ("house", "parameter", "p", 4, ten, five),
        ("house", "parameter", "v", 4, ten, five),
        ("house", "parameter", "=cmd\x1b", 1, five, five),
        ("house", "parameter", "plan b", 1, five, five),
        ("matomo", "event", "page_view", 1, six, six),
        ("matomo", "page", "/b", 1, six, six),
        ("matomo", "parameter", "_id", 1, six, six),
        ("matomo", "parameter", "idsite", 1, six, six),
        ("matomo", "parameter", "url", 1, six, six),
    ]


@pytest.mark.slow
def test_the_count_of_names_is_limited_filtered_and_tested(names: Path) -> None:
    assert [row[1:4] for row in count_names(names, "--top", "1", "--where", "protocol = 'house'")] == [
        ("event", "page_view", 3), ("page", "/a", 3), ("parameter", "e", 4),
    ]  # fmt: skip
    assert len(count_names(names, "--top", "0")) == len(count_names(names))
    assert count_names(names, "--where", "page = '/x'") == []
    assert count_names(names, "--sort", "-name", "--columns", "name")[:2] == [("v",), ("url",)]
    condition = "kind = 'event' and name = 'purchase' and count > 0"
    assert run_in_process(names, "events", "access.log", "--count", "--fail-if", condition).exit == 0
    times = count_names(names, "--tz", "Asia/Tokyo", "--columns", "first_time", "--top", "1")
    assert times[0] == ("2026-09-07T19:00:00+09:00",)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*outputs.NAMES])
def test_names_that_a_log_holds_are_safe_in_every_output(name: str, names: Path) -> None:
    finished = run_in_process(names, "events", "access.log", "--count", "-q", "--format", name, "-o", "out")
    assert (finished.exit, finished.stdout, finished.stderr) == (0, "", "")
    content = (names / "out").read_bytes()
    if name in ("table", "markdown"):
        assert b"\x1b" not in content
    if name in ("csv", "tsv"):
        assert b"'=HYPERLINK(1)" in content
        assert b"'=cmd" in content


def test_the_top_of_a_count_needs_the_count(names: Path) -> None:
    finished = run_in_process(names, "events", "access.log", "--top", "3")
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr == "Error: --top changes nothing without --count.\n\nAdd: --count\n"


def test_too_many_bad_lines_leave_no_count(names: Path) -> None:
    with (names / "access.log").open("a") as file:
        file.write("no line of a log\n")
    finished = run_in_process(names, "events", "access.log", "--count", "--strict", "-q")
    assert (finished.exit, finished.stdout) == (4, "")

"""The output is chosen by the ending of the file."""

from pathlib import Path

import pytest

from tests.run import Finished, run_in_process
from tests.small_logs import TWO, TWO_COUNTED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pages.csv", "page,views,visitors\n/,1,1\n/cart,1,1\n"),
        ("pages.CSV", "page,views,visitors\n/,1,1\n/cart,1,1\n"),
        ("pages.tsv", "page\tviews\tvisitors\n/\t1\t1\n/cart\t1\t1\n"),
        ("pages.json", '[{"page":"/","views":1,"visitors":1},{"page":"/cart","views":1,"visitors":1}]\n'),
        ("pages.jsonl", '{"page":"/","views":1,"visitors":1}\n{"page":"/cart","views":1,"visitors":1}\n'),
        ("pages.ndjson", '{"page":"/","views":1,"visitors":1}\n{"page":"/cart","views":1,"visitors":1}\n'),
    ],
)
def test_a_file_has_the_format_of_its_ending_and_leaves_no_other_file(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    finished = run_in_process(tmp_path, "views", "access.log", "-o", name)
    assert finished == Finished("", TWO_COUNTED.stderr, 0)
    assert (tmp_path / name).read_text() == content
    assert {path.name for path in tmp_path.iterdir()} == {"access.log", name}


@pytest.mark.slow
def test_markdown_and_tables_are_chosen_by_the_ending_too(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    for name in ("pages.md", "pages.txt"):
        assert run_in_process(tmp_path, "views", "access.log", "-q", "-o", name) == Finished("", "", 0)
    assert (tmp_path / "pages.md").read_text().startswith("**Page views: 2 page views**\n\n")
    assert (tmp_path / "pages.txt").read_text().startswith("Page views")
    assert "/cart" in (tmp_path / "pages.txt").read_text()


def test_an_unknown_ending_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(TWO)
    finished = run_in_process(tmp_path, "views", "access.log", "-o", "pages.xlsx")
    assert (
        finished.stderr
        == "Error: The ending of 'pages.xlsx' matches no format.\n\nAdd --format: table, csv, tsv, json, ndjson, markdown, parquet.\n"
    )
    assert finished.exit == 2

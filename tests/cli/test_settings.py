"""The options of a report as its function gets them."""

from pathlib import Path

import pytest

from pixelstat.reports import NAMES, load_report
from tests.builders import bought, hit, log, view
from tests.run import run_in_process

STORY = (
    view("ann", "/a", "10:00"),
    hit("ann", "product_view", "10:01", pid="K1", cat="Kitchen"),
    bought("ann", "10:05", "A1", "50", pid="K1", cat="Kitchen"),
    hit("bob", "open", "10:06", mid="launch", rcpt="bob"),
    hit("bob", "click_email", "10:07", mid="launch", rcpt="bob", link="/a"),
)


BROKEN_DOWN = [
    name
    for name in NAMES
    if any(option.name == "by" for option in load_report(name).options)
    and name not in ("places", "roi")  # which need a database, and a file of spend
]


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN_DOWN)
def test_a_column_that_is_repeated_groups_once(name: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*STORY))
    once = run_in_process(tmp_path, name, "access.log", "--by", "event", "--by", "host")
    twice = run_in_process(tmp_path, name, "access.log", "--by", "event", "--by", "host", "--by", "event")
    assert once.exit == 0, once.stderr
    assert len(once.stdout.splitlines()) > 1
    assert twice == once

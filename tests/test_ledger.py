"""The ledger counts every line once: what was read, what counts, and what was set aside for which reason."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelstat.errors import Exit
from pixelstat.ledger import Ledger
from pixelstat.schemas import EVENTS, PARSE_ISSUES, REASONS, Reason
from tests.builders import GOOGLEBOT, hit, log, request, view
from tests.run import run_in_process

NOON = datetime(2026, 9, 7, 12, tzinfo=timezone.utc)


def ledger_of(folder: Path, *arguments: str, lines: tuple[str, ...]) -> list[str]:
    """Return what `views` writes to stderr about these lines."""
    (folder / "access.log").write_text(log(*lines))
    finished = run_in_process(folder, "views", "access.log", *arguments)
    assert finished.exit in (Exit.DONE, Exit.NOTHING_READABLE), finished.stderr
    return finished.stderr.splitlines()


def numbers(line: str) -> dict[str, int]:
    """Return the counts of a ledger's line by their words: `{"events": 5, "lines": 8, "bots": 2}`."""
    parts = re.split(r"; excluded: | from (?=\d)|(?<!\d), |, (?=\d+ )", line)
    pairs = [part.partition(" ") for part in parts if part]
    return {words: int(number.replace(",", "")) for number, _, words in pairs}


# -- the reasons -----------------------------------------------------------------------------------------------------

# One line or more for each reason, in the order of precedence.
MIXED = (
    *[view("ann", "/", "10:00"), view("ben", "/cart", "10:01")],
    *[view("cy", "/", "10:02").replace("07/Sep", "31/Feb")],  # unreadable
    *[request("/style.css", "10:00")] * 3,  # not a pixel request
    *[hit("dee", "page_view", f"10:0{minute}", p="/", status=404) for minute in range(2)],  # failed requests
    *[view("bot", "/", f"10:0{minute}", agent=GOOGLEBOT) for minute in range(4)],  # bots
    *[request("/pixel.gif?v=own&p=/", f"10:0{minute}", client="192.0.2.1") for minute in range(3)],  # excluded
    *[request("/pixel.gif?v=eve&p=/&us_privacy=1YYN", "10:00")],  # without consent
    *[request("/pixel.gif?v=fay&u=https://blog.example/", "10:00")],  # of another host, which no option asks about
    *[view("ann", "/", "09:00", day="2026-09-06")],  # outside the period
    *[request("/pixel.gif?v=gus&u=https://shop.example/", "10:00", agent="Mozilla/5.0")],  # a machine
    *[view("hal", "/other", "10:00")],  # not matching --where
    *[view("ann", "/", "10:00")] * 2,  # duplicates of the first line
)
OPTIONS = (
    "--exclude-ip",
    "192.0.2.0/24",
    "--since",
    "2026-09-07",
    "--where",
    "page <> '/other'",
    "--machines",
    "exclude",
)


def test_every_reason_is_counted_and_the_reasons_sum_to_the_lines(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, *OPTIONS, lines=MIXED)[0]
    assert ledger == (
        "3 events from 22 lines; excluded: 4 bots, 3 from excluded addresses, 2 failed requests,"
        " 2 duplicates, 1 unreadable, 1 without consent, 1 outside the period, 1 machine, 1 not matching --where"
    )
    counts = numbers(ledger)
    assert counts["events"] == 3  # ann, ben and fay
    others = sum(number for words, number in counts.items() if words != "lines")
    assert others + 3 == counts["lines"]  # style.css, three times


@pytest.mark.slow
def test_a_line_has_one_reason_the_first_that_holds(tmp_path: Path) -> None:
    everything = request(
        "/pixel.gif?v=x&p=/other&us_privacy=1YYN",
        "10:00",
        client="192.0.2.1",
        status=404,
        agent=GOOGLEBOT,
        day="2026-09-06",
    )
    assert ledger_of(tmp_path, *OPTIONS, lines=(everything,))[0] == "0 events from 1 line; excluded: 1 failed request"
    answered = everything.replace(" 404 ", " 200 ")
    assert ledger_of(tmp_path, *OPTIONS, lines=(answered,))[0] == "0 events from 1 line; excluded: 1 bot"
    of_people = answered.replace(GOOGLEBOT, "Firefox/140.0")
    assert (
        ledger_of(tmp_path, *OPTIONS, lines=(of_people,))[0]
        == "0 events from 1 line; excluded: 1 from an excluded address"
    )
    from_outside = of_people.replace("192.0.2.1", "203.0.113.1")
    assert (
        ledger_of(tmp_path, *OPTIONS, lines=(from_outside,))[0] == "0 events from 1 line; excluded: 1 without consent"
    )
    willing = from_outside.replace("1YYN", "1YNN")
    assert (
        ledger_of(tmp_path, *OPTIONS, lines=(willing,))[0] == "0 events from 1 line; excluded: 1 not matching --where"
    )


def test_people_are_set_aside_where_only_bots_count(tmp_path: Path) -> None:
    lines = (view("ann", "/", "10:00"), view("ben", "/", "10:01"), view("bot", "/", "10:02", agent=GOOGLEBOT))
    assert ledger_of(tmp_path, "--bots", "only", lines=lines)[0] == "1 event from 3 lines; excluded: 2 people"


def test_events_of_other_hosts_are_set_aside_where_a_host_is_chosen(tmp_path: Path) -> None:
    lines = tuple(
        request(f"/pixel.gif?v={host}&u=https://{host}.example/", "10:00") for host in ("shop", "blog", "help")
    )
    ledger = ledger_of(tmp_path, "--host", "shop.example", lines=lines)[0]
    assert ledger == "1 event from 3 lines; excluded: 2 of other hosts"


def test_the_most_frequent_reason_comes_first_and_equal_ones_keep_their_order() -> None:
    def line(**counts: int) -> str:
        return Ledger(counts=Counter(counts), counts_rows_as_hits=True).line().partition("excluded: ")[2]

    assert line(bot=1, unreadable=2, machine=3) == "3 machines, 2 unreadable, 1 bot"
    assert line(machine=1, bot=1, unreadable=1, refused=1) == "1 unreadable, 1 failed request, 1 bot, 1 machine"


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason not in ("not_pixel", "duplicate")])
def test_a_reason_has_its_words_for_one_and_for_many(reason: str) -> None:
    one, many = REASONS[reason]
    for number, words in ((1, f"1 {one}"), (2, f"2 {many}"), (12_345, f"12,345 {many}")):
        ledger = Ledger(counts=Counter({None: 0, reason: number}), counts_rows_as_hits=True)
        assert ledger.line().endswith(f"; excluded: {words}")
        assert ledger.pixel_requests == number


def test_lines_without_a_pixel_are_neither_counted_as_pixel_requests_nor_set_aside() -> None:
    ledger = Ledger(counts=Counter({None: 2, "not_pixel": 7}), counts_rows_as_hits=True)
    ledger.reading.count(9)
    assert ledger.line() == "2 events from 9 lines"
    assert (ledger.hits, ledger.rejected_counts) == (2, {})


def test_a_log_without_lines_has_a_ledger() -> None:
    assert Ledger().line() == "0 events from 0 lines"


def test_one_line_and_thousands_have_their_words(tmp_path: Path) -> None:
    assert ledger_of(tmp_path, lines=(view("ann", "/", "10:00"),))[0] == "1 event from 1 line"
    many = tuple(view(f"v{number}", "/", "10:00") for number in range(1_002))
    assert ledger_of(tmp_path, lines=many)[0] == "1,002 events from 1,002 lines"


KINDS: dict[str, Callable[[int], str]] = {  # what the ledger calls it, and a line of that kind
    "events": lambda n: view(f"v{n}", "/", "10:00"),
    "bots": lambda n: view(f"v{n}", "/", "10:00", agent=GOOGLEBOT),
    "failed requests": lambda n: hit(f"v{n}", "page_view", "10:00", status=500),
    "unreadable": lambda n: view(f"v{n}", "/", "25:00"),
    "duplicates": lambda _: view("twice", "/", "10:00"),
    "not pixel requests": lambda n: request(f"/{n}.css", "10:00"),
}


@pytest.mark.slow
@settings(max_examples=15)
@given(st.lists(st.sampled_from(sorted(KINDS)), max_size=30))
def test_any_mix_of_lines_sums_to_the_lines(tmp_path_factory: pytest.TempPathFactory, kinds: list[str]) -> None:
    lines = tuple(KINDS[kind](number) for number, kind in enumerate(kinds))
    counts = Counter(kinds)
    if counts["duplicates"]:  # the first of them counts
        counts["duplicates"] -= 1
        counts["events"] += 1
    said = ledger_of(tmp_path_factory.mktemp("ledger"), lines=lines)
    found = numbers(next(line for line in said if re.match(r"[\d,]+ events? from ", line)))  # warnings come first
    singular = ("line", "event", "bot", "duplicate", "failed request")
    found = {f"{words}s" if words in singular else words: number for words, number in found.items()}
    assert found.pop("lines") == len(lines)
    assert found.pop("events") == counts.pop("events", 0)
    assert found == {kind: number for kind, number in counts.items() if number and kind != "not pixel requests"}


# -- duplicates ------------------------------------------------------------------------------------------------------


def test_a_hit_that_is_there_three_times_is_two_duplicates(tmp_path: Path) -> None:
    lines = (view("ann", "/", "10:00"),) * 3 + (view("ann", "/", "10:01"),)
    assert ledger_of(tmp_path, lines=lines)[0] == "2 events from 4 lines; excluded: 2 duplicates"


def test_duplicates_that_are_kept_are_not_set_aside(tmp_path: Path) -> None:
    lines = (view("ann", "/", "10:00"),) * 3
    assert ledger_of(tmp_path, "--keep-duplicates", lines=lines)[0] == "3 events from 3 lines"


def test_a_repeated_hit_that_is_set_aside_for_another_reason_is_not_a_duplicate(tmp_path: Path) -> None:
    lines = (view("bot", "/", "10:00", agent=GOOGLEBOT),) * 3
    assert ledger_of(tmp_path, lines=lines) == ["0 events from 3 lines; excluded: 3 bots"]


def test_a_log_that_is_given_twice_is_set_aside_once(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00"), view("ben", "/", "10:01")))
    finished = run_in_process(tmp_path, "views", "access.log", "access.log")
    assert finished.stderr.splitlines()[1] == "2 events from 4 lines; excluded: 2 duplicates"
    assert finished.stdout == "page,views,visitors\n/,2,2\n"


# -- counting rows ---------------------------------------------------------------------------------------------------


PAGE_VIEW = {"protocol": "house", "event": "page_view", "client": "203.0.113.1", "user_agent": "Firefox/140.0"}


def rows(*reasons: str | None, **columns: list[object]) -> pl.LazyFrame:
    """Marked rows with a hit each, a minute apart from noon, of the combined format."""
    given = {
        "rejected": pl.Series(reasons, dtype=Reason),
        "time": [NOON.replace(minute=place) for place in range(len(reasons))],
        "hit": pl.Series(range(len(reasons)), dtype=pl.UInt64),
        "parse_issue": pl.Series([None] * len(reasons), dtype=pl.String),
        "format": pl.Series(["combined"] * len(reasons), dtype=pl.String),
        "visitor": pl.Series(["v:ann"] * len(reasons), dtype=pl.String),
        "event_number": pl.Series([None] * len(reasons), dtype=EVENTS["event_number"]),
        **{name: pl.Series([text] * len(reasons)) for name, text in PAGE_VIEW.items()},
    }
    return pl.LazyFrame({**given, **columns}).cast({"time": pl.Datetime("us", "UTC")})


def test_rows_that_count_are_handed_on_and_the_others_counted_by_reason() -> None:
    ledger = Ledger()
    kept = ledger.settle(rows(None, "bot", None, "refused", "bot", "not_pixel")).collect()
    assert kept["hit"].to_list() == [0, 2]
    assert +ledger.counts == {None: 2, "bot": 2, "refused": 1, "not_pixel": 1}
    assert ledger.rejected_counts == {"refused": 1, "bot": 2}
    assert ledger.pixel_requests == 5


def test_rows_are_counted_whatever_columns_a_report_asks_for() -> None:
    for columns in (["hit"], ["visitor"], ["time", "format"]):
        ledger = Ledger()
        ledger.settle(rows(None, "bot")).select(columns).collect()
        assert +ledger.counts == {None: 1, "bot": 1}


def test_the_period_is_that_of_the_rows_that_count() -> None:
    ledger = Ledger()
    ledger.settle(rows("bot", None, None, "unreadable")).collect()
    assert (ledger.first, ledger.last) == (NOON.replace(minute=1), NOON.replace(minute=2))
    nobody = Ledger()
    nobody.settle(rows("bot")).collect()
    assert (nobody.first, nobody.last) == (None, None)


def test_rows_of_one_hit_count_once_over_all_batches() -> None:
    ledger = Ledger()
    hits = pl.Series([7, 7, 8], dtype=pl.UInt64)
    for _ in range(2):
        ledger.settle(rows(None, None, "bot", hit=hits)).collect()  # type: ignore[arg-type]
    assert (ledger.hits, ledger.rejected_counts) == (1, {"bot": 2, "duplicate": 3})


# -- what else is said -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parse_issue", PARSE_ISSUES)
def test_a_flaw_has_its_words_for_one_and_for_many(parse_issue: str) -> None:
    one, many = PARSE_ISSUES[parse_issue]
    assert Ledger(parse_issues=Counter({parse_issue: 1})).parse_issues_line() == f"parse issues: 1 {one}"
    assert Ledger(parse_issues=Counter({parse_issue: 2_000})).parse_issues_line() == f"parse issues: 2,000 {many}"


def test_flaws_of_rows_that_are_set_aside_are_not_counted() -> None:
    ledger = Ledger()
    parse_issues = pl.Series(["macro", "macro", "number", None], dtype=pl.String)
    ledger.settle(rows(None, "bot", None, None, parse_issue=parse_issues)).collect()  # type: ignore[arg-type]
    assert ledger.parse_issues_line() == "parse issues: 1 value that is not a number, 1 macro that was not filled in"


def test_the_events_and_the_reasons_sum_to_the_lines_and_the_further_events_of_requests(tmp_path: Path) -> None:
    views = (
        "%5B%7B%22event%22%3A%22$pageview%22%7D%2C%7B%22event%22%3A%22a%22%7D%2C%7B%22event%22%3A%22$pageview%22%7D%5D"
    )
    ledger = ledger_of(
        tmp_path,
        "--where",
        "event = 'page_view'",
        lines=(
            request(f"/e/?data={views}", "10:00"),
            request(f"/e/?data={views}", "10:00"),
            request(f"/e/?data={views}", "10:01", agent=GOOGLEBOT),
            request("/matomo.php?idsite=1&_pks=K1", "10:02"),
            view("ann", "/", "10:03"),
        ),
    )
    assert ledger[0] == "4 events from 5 lines; excluded: 3 bots, 3 not matching --where, 2 duplicates"
    assert ledger[1] == "7 events more than requests, because some requests hold several"
    counts = numbers(ledger[0])
    assert sum(number for words, number in counts.items() if words != "lines") == counts["lines"] + 7


def test_formats_are_named_by_their_number_of_lines_where_there_are_several() -> None:
    assert Ledger(formats=Counter({"combined": 6_000})).formats_line() == ""
    formats = Counter({"caddy": 904, "combined": 6_000, "alb": 904, "s3": 0, None: 3})
    assert Ledger(formats=formats).formats_line() == "formats: combined 6,000, alb 904, caddy 904"


def test_formats_of_lines_without_a_pixel_are_not_named() -> None:
    ledger = Ledger()
    formats = pl.Series(["combined", "caddy", "s3", "s3"], dtype=pl.String)
    ledger.settle(rows(None, "bot", "not_pixel", "unreadable", format=formats)).collect()  # type: ignore[arg-type]
    assert ledger.formats_line() == "formats: caddy 1, combined 1"


def test_stitched_keys_are_counted_with_the_option() -> None:
    assert Ledger().stitched_line() == ""
    nothing = "stitched: nothing, because no event contains two of visitor id, user id and recipient"
    assert Ledger(stitched=(0, 0)).stitched_line() == nothing
    assert Ledger(stitched=(1, 1)).stitched_line() == "stitched: 1 key of 1 person"
    assert Ledger(stitched=(1_204, 530)).stitched_line() == "stitched: 1,204 keys of 530 people"


def test_events_without_a_visitor_are_counted_once_a_hit() -> None:
    visitors = pl.Series([None, None, None, "v:ann"], dtype=pl.String)
    hits = pl.Series([7, 7, 8, 9], dtype=pl.UInt64)
    ledger = Ledger(without_visitor=[])
    ledger.settle(rows(None, None, None, None, visitor=visitors, hit=hits)).collect()  # type: ignore[arg-type]
    assert ledger.without_visitor_line() == "2 events without a visitor"
    silent = Ledger()
    silent.settle(rows(None, visitor=visitors[:1])).collect()  # type: ignore[arg-type]
    assert silent.without_visitor_line() == ""

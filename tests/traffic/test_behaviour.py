"""Verdicts by behaviour: each rule with a story that it holds for and one that only looks like it, in any order."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.traffic.behaviour import BehaviourLimits, find_burst_rows
from tests.builders import BROWSER, log, request
from tests.run import export_frame, run_in_process

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
LABEL = ("--bots", "include", "--machines", "label")
TRAFFIC_CLASSES = {("human", True), ("proxy", False), ("machine", False)}  # and whether there is no reason
SENT_MS = "01991f7f8059"  # 2025-09-06 14:47:53.689 UTC, the beginning of an Amazon SES message


def reasons(folder: Path, *lines: str, options: tuple[str, ...] = ()) -> list[str | None]:
    """The reason of each event, in the order of the lines; the same for any order of them."""
    found = []
    for seed in range(3):
        order = list(range(len(lines)))
        if seed:
            Random(seed).shuffle(order)
        (folder / "access.log").write_text(log(*(lines[place] for place in order)))
        events = export_frame(folder, "access.log", *LABEL, *options)
        assert set(events.select("traffic_class", pl.col("traffic_reason").is_null()).rows()) <= TRAFFIC_CLASSES
        told = dict(zip(order, events["traffic_reason"].to_list(), strict=True))
        found.append([told[place] for place in range(len(lines))])
    assert found[0] == found[1] == found[2]
    return found[0]


def click(recipient: str, link: str, clock: str, *, message: str = "launch", client: str = "203.0.113.7") -> str:
    """listmonk's address of a click."""
    uuids = [f"00000000-0000-0000-0000-{text.encode().hex():0>12}" for text in (link, message, recipient)]
    return request(f"/link/{'/'.join(uuids)}", clock, client=client)


def opened(
    recipient: str, clock: str, *, message: str = "launch", client: str = "203.0.113.7", agent: str = BROWSER
) -> str:
    return request(f"/o.gif?mid={message}&rcpt={recipient}", clock, client=client, agent=agent)


# -- many links ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_three_links_of_a_message_in_ten_seconds_are_a_burst_from_its_first_on(tmp_path: Path) -> None:
    lines = [click("ann", link, f"10:00:{second}") for link, second in (("a", "00"), ("b", "04"), ("c", "10"))]
    late = [click("ann", "d", "10:00:21"), click("ann", "a", "10:05")]
    assert reasons(tmp_path, *lines, *late) == ["link_burst"] * 3 + [None, None]


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        [click("ann", "a", "10:00:00"), click("ann", "b", "10:00:04"), click("ann", "c", "10:00:11")],
        [click("ann", "a", "10:00:00"), click("ann", "b", "10:00:01"), click("ann", "a", "10:00:02")],
        [click(who, who, "10:00:00") for who in ("ann", "ben", "cy")],
        [click("ann", link, "10:00:00", message=link) for link in "abc"],
        [request(f"/link/00000000-0000-0000-0000-00000000000{n}/5b0b4f4e-1d1a-4a0e-9f0c-0a1b2c3d4e5f/"
                 "00000000-0000-0000-0000-000000000000", "10:00") for n in (1, 2, 3)],
    ],
    ids=["too slow", "two links", "three people", "three messages", "nobody's"],
)  # fmt: skip
def test_clicks_that_are_too_few_or_too_slow_are_not_a_burst(lines: list[str], tmp_path: Path) -> None:
    assert reasons(tmp_path, *lines) == [None] * 3


@pytest.mark.slow
def test_the_burst_limit_is_an_option_and_0_switches_it_off(tmp_path: Path) -> None:
    lines = [click("ann", "a", "10:00:00"), click("ann", "b", "10:00:30")]
    assert reasons(tmp_path, *lines, options=("--burst-links", "2", "--burst-time", "30s")) == ["link_burst"] * 2
    assert reasons(tmp_path, *lines, options=("--burst-links", "2", "--burst-time", "29s")) == [None] * 2
    burst = [click("ann", link, "10:00:00") for link in "abc"]
    assert reasons(tmp_path, *burst, options=("--burst-links", "0")) == [None] * 3


# -- one address, many recipients ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_ten_recipients_at_an_address_in_ten_minutes_are_a_machine(tmp_path: Path) -> None:
    lines = [opened(f"r{n}", f"10:0{n}") for n in range(9)]
    assert reasons(tmp_path, *lines, opened("r9", "10:10")) == ["shared_address"] * 10
    assert reasons(tmp_path, *lines, opened("r9", "10:10:01")) == [None] * 10
    assert reasons(tmp_path, *lines, opened("r9", "10:09", client="203.0.113.8")) == [None] * 10


@pytest.mark.slow
def test_nine_recipients_at_an_address_are_an_office(tmp_path: Path) -> None:
    lines = [opened(f"r{n}", f"10:0{n}") for n in range(9)]
    assert reasons(tmp_path, *lines, *(opened(f"r{n}", f"10:0{n}:30") for n in range(9))) == [None] * 18


@pytest.mark.slow
def test_user_agents_behind_an_address_are_not_counted_as_recipients(tmp_path: Path) -> None:
    lines = [request("/o.gif?mid=launch", "10:00", agent=f"Firefox/{n}.0") for n in range(20)]
    assert reasons(tmp_path, *lines) == [None] * 20


@pytest.mark.slow
def test_gmails_proxy_over_five_hundred_recipients_stays_a_proxy(tmp_path: Path) -> None:
    lines = [opened(f"r{n}", "10:00", client="66.249.84.1", agent=GMAIL) for n in range(500)]
    assert reasons(tmp_path, *lines, opened("ann", "10:00", client="66.249.84.1")) == ["gmail"] * 500 + [None]


@pytest.mark.slow
def test_recipients_whose_images_apple_loads_make_no_person_a_machine(tmp_path: Path) -> None:
    lines = [opened(f"r{n}", "10:00", agent="Mozilla/5.0") for n in range(50)]
    assert reasons(tmp_path, *lines, opened("ann", "10:01")) == ["apple_mpp"] * 50 + [None]


# -- one recipient, many addresses ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_three_addresses_of_a_recipient_of_a_message_in_thirty_seconds_are_machines(tmp_path: Path) -> None:
    lines = [opened("ann", f"10:00:{15 * n:02}", client=f"203.0.113.{n}") for n in range(2)]
    assert reasons(tmp_path, *lines, opened("ann", "10:00:30", client="203.0.113.9")) == ["many_addresses"] * 3
    assert reasons(tmp_path, *lines, opened("ann", "10:00:31", client="203.0.113.9")) == [None] * 3
    assert reasons(tmp_path, *lines, opened("ben", "10:00:30", client="203.0.113.9")) == [None] * 3
    assert reasons(tmp_path, *lines, opened("ann", "10:00:30", message="b", client="203.0.113.9")) == [None] * 3


# -- after sending -------------------------------------------------------------------------------------------------


def ses(clock: str, number: int = 0) -> str:
    message = f"0100{SENT_MS}-b7b8e2b2-6f0a-4a3c-8a43-0123456789ab-00000{number}"
    return request(f"/CI0/{message}/Zm9vYmFy-x_y=409", clock, day="2025-09-06")


@pytest.mark.slow
def test_an_open_within_two_seconds_of_sending_is_by_a_machine(tmp_path: Path) -> None:
    clocks = ["14:47:52", "14:47:53", "14:47:54", "14:47:55", "14:47:56", "15:11:53"]
    found = reasons(tmp_path, *(ses(clock, number) for number, clock in enumerate(clocks)))
    assert found == [None, *["after_send"] * 3, None, None]
    slow = reasons(tmp_path, *map(ses, clocks), options=("--after-send", "3s"))
    assert slow == [None, *["after_send"] * 4, None]


@pytest.mark.slow
def test_the_time_of_sending_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "sent.csv").write_text("message,recipient,time\nlaunch,ann,2026-09-07 10:00:00\n")
    lines = [opened("ann", "10:00:02"), opened("ben", "10:00:02"), opened("ann", "10:24")]
    assert reasons(tmp_path, *lines, options=("--sent", "sent.csv")) == ["after_send", None, None]
    (tmp_path / "sent.csv").write_text("message,sent,time\nlaunch,2,2026-09-07 12:00:00+02:00\n")
    assert reasons(tmp_path, *lines, options=("--sent", "sent.csv")) == ["after_send", "after_send", None]


# -- page rates ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_sixty_page_views_in_a_minute_are_by_a_machine(tmp_path: Path) -> None:
    lines = [request(f"/p.gif?v=ann&p=/{n}", f"10:00:{n:02}") for n in range(59)]
    buys = [request(f"/p.gif?e=buy&v=ann&oid={clock}", clock) for clock in ("10:00:30", "10:05")]
    last = request("/p.gif?v=ann&p=/59", "10:01")
    assert reasons(tmp_path, *lines, last, *buys) == ["page_rate"] * 61 + [None]
    assert reasons(tmp_path, *lines, request("/p.gif?v=ben&p=/59", "10:01"), *buys) == [None] * 62
    assert reasons(tmp_path, *lines, last, *buys, options=("--page-rate", "61")) == [None] * 62


def test_a_log_given_twice_makes_nobody_faster(tmp_path: Path) -> None:
    lines = [request(f"/p.gif?v=ann&p=/{n}", f"10:00:{n:02}") for n in range(40)]
    (tmp_path / "access.log").write_text(log(*lines, *lines))
    finished = run_in_process(tmp_path, "views", "access.log", "-q", "--top", "1", "--machines", "exclude")
    assert finished.stdout == "page,views,visitors\n/0,1,1\n"


# -- where it applies ----------------------------------------------------------------------------------------------


def test_other_reports_drop_machines_only_with_the_option(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*(request(f"/p.gif?v=ann&p=/{n}", "10:00") for n in range(60))))
    assert run_in_process(tmp_path, "views", "access.log", "-q", "--top", "1").stdout == "page,views,visitors\n/0,1,1\n"
    finished = run_in_process(tmp_path, "views", "access.log", "--machines", "exclude")
    assert (finished.stdout, "excluded: 60 machines\n" in finished.stderr) == ("page,views,visitors\n", True)


@pytest.mark.slow
def test_behaviour_is_classified_by_all_events_whatever_period_and_condition_are_set(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*(click("ann", link, f"10:00:0{n}") for n, link in enumerate("abc"))))
    for option in (["--since", "2026-09-07 10:00:02"], ["--where", "link LIKE '%63'"]):
        finished = run_in_process(tmp_path, "clicks", "access.log", "-q", "--by", "traffic_reason", *option)
        assert finished.stdout.splitlines()[1].startswith("link_burst,00000000-0000-0000-0000-000000000063,1,0,1,0")


def test_refused_requests_do_not_count_as_behaviour(tmp_path: Path) -> None:
    refused = click("ann", "c", "10:00:02").replace(" 200 ", " 404 ")
    lines = [click("ann", "a", "10:00:00"), click("ann", "b", "10:00:01"), refused]
    (tmp_path / "access.log").write_text(log(*lines))
    assert run_in_process(tmp_path, "clicks", "access.log", "-q", "--by", "traffic_class").stdout.count("human,") == 2


def test_the_help_of_a_report_prints_the_limits(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(opened("ann", "10:00")))
    table = run_in_process(tmp_path, "opens", "access.log", "-q", "--format", "markdown", "--page-rate", "0").stdout
    assert (
        "Machine rules: requests within 2s of sending, 3 links in 10s, 10 recipients per address in 10m, "
        "3 addresses per recipient in 30s" in " ".join(table.split())
    )
    assert "page views" not in table
    assert "by behaviour" not in run_in_process(tmp_path, "views", "access.log", "-q", "--format", "markdown").stdout


# -- against brute force -------------------------------------------------------------------------------------------

Row = tuple[str | None, int, str | None]  # key, second, value


def by_brute_force(rows: Sequence[Row], least: int, span: int) -> list[int]:
    """Every row for which some span of its key's rows, begun at any of them, holds enough and the row too."""
    found = set()
    for key, start, _ in rows:
        run_in_process = [place for place, row in enumerate(rows) if row[0] == key and start <= row[1] <= start + span]
        if key is not None and len({rows[place][2] for place in run_in_process} - {None}) >= least:
            found.update(run_in_process)
    return sorted(found)


rows_of_two = st.lists(
    st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 12), st.sampled_from(["x", "y", "z", None])),
    max_size=14,
)


@pytest.mark.slow
@given(rows_of_two, st.integers(1, 3), st.integers(1, 6))
def test_crowds_equal_brute_force(rows: list[Row], least: int, span: int) -> None:
    frame = pl.DataFrame(rows, {"key": pl.String, "time": pl.Int64, "value": pl.String}, orient="row")
    frame = frame.with_row_index("row").with_columns(pl.from_epoch("time", "s").cast(pl.Datetime("us", "UTC")))
    found = find_burst_rows(frame, ["key"], "value", least, timedelta(seconds=span))
    assert sorted(found) == by_brute_force(rows, least, span)


@pytest.mark.slow
def test_an_address_with_very_many_recipients_is_classified_in_one_pass() -> None:
    rows = 300_000
    frame = pl.DataFrame({"key": ["a"] * rows, "value": [f"{n % 5000}" for n in range(rows)]})
    frame = frame.with_row_index("row").with_columns(time=pl.lit(0).cast(pl.Datetime("us", "UTC")))
    assert len(find_burst_rows(frame, ["key"], "value", 5000, timedelta(seconds=1))) == rows
    assert len(find_burst_rows(frame, ["key"], "value", 5001, timedelta(seconds=1))) == 0


def test_limits_are_those_that_the_options_print() -> None:
    from pixelstat.options.shared import MACHINES

    defaults = {option.name: str(option.default) for option in MACHINES}
    printed = BehaviourLimits()
    assert defaults["burst_links"] == str(printed.burst_links)
    assert (defaults["burst_time"], printed.burst_time) == ("10s", timedelta(seconds=10))
    assert (defaults["address_time"], printed.address_time) == ("10m", timedelta(minutes=10))
    assert (defaults["recipient_time"], printed.recipient_time) == ("30s", timedelta(seconds=30))
    assert (defaults["after_send"], printed.after_send) == ("2s", timedelta(seconds=2))
    assert defaults["address_recipients"] == str(printed.address_recipients)
    assert defaults["recipient_addresses"] == str(printed.recipient_addresses)
    assert defaults["page_rate"] == str(printed.page_rate)

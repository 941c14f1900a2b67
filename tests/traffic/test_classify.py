"""Verdicts by one request: each rule with requests that it holds for and those that only look like it."""

from pathlib import Path

import polars as pl
import pytest

from pixelstat.traffic.classify import GMAIL_PREFETCH, GMAIL_PREFETCH_FROM_GOOGLE
from tests.builders import BROWSER, GOOGLEBOT, log, request
from tests.run import csv_rows, export_frame, run_in_process

PERSON = ("human", None)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
APPLE_MAIL = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
OUTLOOK = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"


def traffic_classes(
    folder: Path, *lines: str, options: tuple[str, ...] = ("--bots", "include")
) -> list[tuple[str, str | None]]:
    """Verdict and reason of each event, in the order of the lines."""
    (folder / "access.log").write_text(log(*lines))
    return exported_verdicts(folder, "access.log", *options)


def exported_verdicts(folder: Path, *arguments: str) -> list[tuple[str, str | None]]:
    return export_frame(folder, *arguments).select("traffic_class", "traffic_reason").rows()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (BROWSER, PERSON),
        (APPLE_MAIL, PERSON),
        (OUTLOOK, PERSON),
        ("Mozilla/5.0 (X11)", PERSON),
        ("Mozilla/5.0", ("machine", "apple_mpp")),
        (GMAIL, ("proxy", "gmail")),
        (YAHOO, ("proxy", "yahoo")),
        (GMAIL_PREFETCH, ("machine", "gmail_prefetch")),
        (GMAIL_PREFETCH.removesuffix(" Mozilla/5.0"), PERSON),
        (GMAIL_PREFETCH_FROM_GOOGLE, PERSON),
        (GOOGLEBOT, ("machine", "bot")),
        ("python-requests/2.32", ("machine", "bot")),
        ("-", ("machine", "no_agent")),
        ("", ("machine", "no_agent")),
        (" ", ("machine", "no_agent")),
        ("x" * 100_000 + "GoogleImageProxy", PERSON),
    ],
)
def test_a_user_agent_decides_the_verdict(agent: str, expected: tuple[str, str | None], tmp_path: Path) -> None:
    assert traffic_classes(tmp_path, request("/o.gif?rcpt=ann", "10:00", agent=agent)) == [expected]


def test_a_user_agent_that_the_format_does_not_log_decides_nothing(tmp_path: Path) -> None:
    line = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /o.gif?rcpt=ann HTTP/1.1" 200 43'
    assert traffic_classes(tmp_path, line) == [PERSON]
    json = '{"time":"2026-09-07T10:00:0%d+00:00","request":"GET /o.gif?rcpt=ann HTTP/1.1","status":200%s}'
    found = traffic_classes(tmp_path, json % (1, ""), json % (2, ',"http_user_agent":""'))
    assert found == [PERSON, ("machine", "no_agent")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "agent", "expected"),
    [
        ("40.92.0.1", BROWSER, ("machine", "microsoft")),
        ("40.91.255.255", BROWSER, PERSON),
        ("2a01:111:f403::7", BROWSER, ("machine", "microsoft")),
        ("2a01:111:f404::7", BROWSER, PERSON),
        ("::ffff:209.222.82.9", BROWSER, ("machine", "barracuda")),
        ("66.249.84.1", BROWSER, PERSON),
        ("66.249.84.1", GMAIL, ("proxy", "gmail")),
        ("66.249.84.1", GMAIL_PREFETCH_FROM_GOOGLE, ("machine", "gmail_prefetch")),
        ("mail.example", BROWSER, PERSON),
        ("40.92.0.1", GMAIL, ("proxy", "gmail")),
        ("40.92.0.1", GOOGLEBOT, ("machine", "bot")),
    ],
)
def test_an_address_decides_the_verdict(
    client: str, agent: str, expected: tuple[str, str | None], tmp_path: Path
) -> None:
    assert traffic_classes(tmp_path, request("/o.gif?rcpt=ann", "10:00", client=client, agent=agent)) == [expected]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        ("prefetch", ("machine", "prefetch")),
        ("prefetch;prerender", ("machine", "prefetch")),
        ("Preview", ("machine", "prefetch")),
        ("-", PERSON),
        ("other", PERSON),
    ],
)
def test_a_purpose_decides_the_verdict(purpose: str, expected: tuple[str, str | None], tmp_path: Path) -> None:
    form = '$remote_addr [$time_local] "$request" $status "$http_user_agent" "$http_sec_purpose"'
    line = f'203.0.113.7 [07/Sep/2026:10:00:00 +0000] "GET /o.gif HTTP/1.1" 200 "{BROWSER}" "{purpose}"'
    assert traffic_classes(tmp_path, line, options=("--log-format", form)) == [expected]


@pytest.mark.parametrize(
    ("uri", "method", "expected"),
    [
        ("/o.gif?rcpt=ann", "HEAD", ("machine", "head")),
        ("/pixel.gif?e=click_email&rcpt=ann", "HEAD", ("machine", "head")),
        ("/pixel.gif?v=ann", "POST", PERSON),
        ("/count?p=/a&b=152", "GET", ("machine", "declared_bot")),
        ("/count?p=/a&b=152", "HEAD", ("machine", "head")),
        ("/count?p=/a&b=0", "GET", PERSON),
    ],
)
def test_a_request_may_say_that_a_bot_sent_it(
    uri: str, method: str, expected: tuple[str, str | None], tmp_path: Path
) -> None:
    line = request(uri, "10:00", method=method)
    assert traffic_classes(tmp_path, line) == [expected]


def test_a_head_request_and_a_declared_bot_count_nowhere_also_from_parquet(tmp_path: Path) -> None:
    lines = (
        request("/pixel.gif?v=ann&p=/", "10:00"),
        request("/pixel.gif?v=ben&p=/", "10:01", method="HEAD"),
        request("/pixel.gif?v=cyd&p=/&e=purchase&oid=A1&rev=9", "10:02", method="HEAD"),
        request("/count?p=/&b=153", "10:03"),
    )
    (tmp_path / "access.log").write_text(log(*lines))
    for name in ("plain.parquet", "pseudonyms.parquet"):
        reveal = ["--reveal-ids"] if name.startswith("plain") else []
        run_in_process(tmp_path, "events", "access.log", "--bots", "include", "-q", *reveal, "-o", name)
    for name in ("access.log", "plain.parquet", "pseudonyms.parquet"):
        found = run_in_process(tmp_path, "views", name, "-q").stdout
        assert found == "page,views,visitors\n/,1,1\n", name
        assert csv_rows(run_in_process(tmp_path, "orders", name, "--every", "all", "-q")) == []
    opens = run_in_process(tmp_path, "views", "access.log", "--bots", "only", "-q").stdout
    assert opens == "page,views,visitors\n/,2,2\n"


def test_custom_networks_give_their_names_as_reasons_and_outrank_the_built_in_rules(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("network,name\n203.0.113.0/24,proofpoint\n203.0.113.7,\n40.92.0.0/15,eop\n")
    (tmp_path / "more.txt").write_text("# mimecast\n\n198.51.100.7\n")
    lines = [
        request(f"/o.gif?rcpt={client}", "10:00", client=client)
        for client in ("203.0.113.9", "203.0.113.7", "40.93.0.1", "198.51.100.7", "198.51.100.8")
    ]
    found = traffic_classes(
        tmp_path, *lines, options=("--machine-networks", "own.csv", "--machine-networks", "more.txt")
    )
    machines = [("machine", name) for name in ("proofpoint", "network", "eop", "network")]
    assert found == [*machines, PERSON]
    (tmp_path / "pixelstat.toml").write_text('machine_networks = ["own.csv", "more.txt"]')
    assert traffic_classes(tmp_path, *lines, options=()) == found


def test_events_of_parquet_are_classified_again(tmp_path: Path) -> None:
    lines = [request("/o.gif?rcpt=ann", "10:00", agent=agent) for agent in ("-", BROWSER, "Mozilla/5.0", GMAIL)]
    found = traffic_classes(tmp_path, *lines)
    (tmp_path / "events.parquet").rename(tmp_path / "again.parquet")
    assert exported_verdicts(tmp_path, "again.parquet") == found
    old = pl.read_parquet(tmp_path / "again.parquet").drop("traffic_class", "traffic_reason")
    old.write_parquet(tmp_path / "again.parquet")
    assert exported_verdicts(tmp_path, "again.parquet") == found


@pytest.mark.slow
def test_machines_are_set_aside_with_the_option_and_counted(tmp_path: Path) -> None:
    agents = (BROWSER, BROWSER, "Mozilla/5.0", GMAIL, GOOGLEBOT)
    (tmp_path / "access.log").write_text(
        log(*(request(f"/p.gif?v={n}&p=/", "10:00", agent=agent) for n, agent in enumerate(agents)))
    )
    assert run_in_process(tmp_path, "views", "access.log", "-q").stdout == "page,views,visitors\n/,4,4\n"
    finished = run_in_process(tmp_path, "views", "access.log", "--machines", "exclude")
    assert finished.stdout == "page,views,visitors\n/,3,3\n"
    assert finished.stderr.startswith("3 events from 5 lines; excluded: 1 bot, 1 machine\n")
    where = run_in_process(tmp_path, "views", "access.log", "-q", "--where", "traffic_class = 'proxy'")
    assert where.stdout == "page,views,visitors\n/,1,1\n"


def test_explain_names_the_rule_that_made_the_verdict(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request("/o.gif?rcpt=ann", "10:00", agent="Mozilla/5.0")))
    finished = run_in_process(tmp_path, "views", "--explain", "access.log:1", "--machines", "exclude")
    assert finished.stdout.endswith(
        "excluded: machine\nwhy                    a machine sent it, by the rule apple_mpp\n"
    )


@pytest.mark.slow
def test_old_lists_of_networks_are_warned_of_by_the_last_event(tmp_path: Path) -> None:
    for day, is_old in (("2027-02-27", False), ("2027-02-28", True)):
        (tmp_path / "events.log").write_text(log(request("/o.gif?rcpt=ann", "10:00")))
        finished = run_in_process(tmp_path, "events", "--reveal-ids", "events.log", "-q", "-o", "events.parquet")
        late = pl.read_parquet(tmp_path / "events.parquet").with_columns(
            time=pl.lit(f"{day}T10:00").str.to_datetime(time_zone="UTC", time_unit="us")
        )
        late.write_parquet(tmp_path / "late.parquet")
        finished = run_in_process(tmp_path, "opens", "late.parquet")
        assert ("Warning: the networks of email scanners are from 2026-08-31." in finished.stderr) == is_old
        assert "Warning: the networks" not in run_in_process(tmp_path, "views", "late.parquet").stderr

"""opens and clicks: figures that can be counted by hand, and the addresses of mailers from end to end."""

from pathlib import Path

import pytest

from tests.builders import BROWSER, GOOGLEBOT, log, request
from tests.run import csv_rows, run_in_process

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
LISTMONK = "5b0b4f4e-1d1a-4a0e-9f0c-0a1b2c3d4e5f"
COLUMNS = [
    "message", "sent", "opens", "human_opens", "proxy_opens", "machine_opens", "openers", "open_rate", "open_rate_low",
    "open_rate_high", "clicks", "clickers", "click_to_open_rate", "median_seconds_to_open", "unsubscribes",
]  # fmt: skip


def mail(recipient: str, clock: str, event: str = "open", *, message: str = "launch", agent: str = BROWSER) -> str:
    """An event of a mail on the house pixel, from the recipient's own address."""
    client = f"198.51.100.{sum(recipient.encode()) % 250}"
    uri = f"/pixel.gif?e={event}&rcpt={recipient}" + (f"&mid={message}" if message else "")
    return request(uri, clock, client=client, agent=agent)


STORY = (
    mail("ann", "10:01"),
    mail("ann", "10:05"),  # again
    mail("ben", "10:02", agent=GMAIL),
    mail("cy", "10:00:40", agent="Mozilla/5.0"),
    mail("dee", "10:00:50", agent=GOOGLEBOT),
    mail("dee", "10:10"),
    mail("ann", "10:06", "click_email"),
    mail("ann", "10:07", "click_email"),
    mail("eve", "10:08", "click_email"),
    mail("cy", "10:09", "click_email", agent="curl/8"),
    mail("ben", "10:09", "unsubscribe"),
    mail("ann", "10:09", "page_view"),
    mail("ann", "11:00", message="other"),
    mail("ben", "11:00", message=""),
)


def rows(folder: Path, *arguments: str, lines: tuple[str, ...] = STORY, report: str = "opens") -> list[dict[str, str]]:
    (folder / "access.log").write_text(log(*lines))
    return csv_rows(run_in_process(folder, report, "access.log", "-q", *arguments))


@pytest.mark.slow
def test_opens_by_people_proxies_and_machines_add_up(tmp_path: Path) -> None:
    found = rows(tmp_path)
    assert [list(row) for row in found] == [COLUMNS] * 3
    counts = [
        "message",
        "opens",
        "human_opens",
        "proxy_opens",
        "machine_opens",
        "openers",
        "clicks",
        "clickers",
        "unsubscribes",
    ]
    assert [[row[name] for name in counts] for row in found] == [
        ["launch", "6", "3", "1", "2", "3", "4", "2", "1"],
        ["other", "1", "1", "0", "0", "1", "0", "0", "0"],
        ["", "1", "1", "0", "0", "1", "0", "0", "0"],
    ]
    assert [row["click_to_open_rate"] for row in found] == [str(2 / 3), "0.0", "0.0"]
    assert {
        row[name] for row in found for name in COLUMNS if name.startswith("open_rate") or name in ("sent", COLUMNS[-2])
    } == {""}


@pytest.mark.slow
def test_a_file_of_mailings_gives_rates_and_waits(tmp_path: Path) -> None:
    (tmp_path / "sent.csv").write_text("message,sent,time\nlaunch,40,2026-09-07 10:00\nother,0,\nnever,9,\n")
    launch, other, nameless, never = rows(tmp_path, "--sent", "sent.csv")
    assert (launch["sent"], launch["open_rate"], launch["median_seconds_to_open"]) == ("40", "0.075", "120.0")
    assert float(launch["open_rate_low"]) == pytest.approx(0.025836, abs=5e-7)
    assert float(launch["open_rate_high"]) == pytest.approx(0.198642, abs=5e-7)
    assert (other["sent"], other["open_rate"], other["open_rate_low"], nameless["sent"]) == ("0", "", "", "")
    assert (never["sent"], never["opens"], never["openers"], never["open_rate"]) == ("9", "0", "0", "0.0")


def test_recipients_by_name_are_counted_and_each_has_a_time_of_sending(tmp_path: Path) -> None:
    sent = [
        "launch,ann,2026-09-07 10:00:30",
        "launch,ben,2026-09-07 10:01:50",
        "launch,fay,",
        "launch,ann,2026-09-07 10:00:30",
    ]
    (tmp_path / "sent.csv").write_text("\n".join(["message,recipient,time", *sent, ""]))
    launch = rows(tmp_path, "--sent", "sent.csv")[0]
    assert (launch["sent"], launch["open_rate"], launch["open_rate_low"] != "") == ("3", "1.0", True)
    assert launch["median_seconds_to_open"] == "20.0"  # of 30 and 10


def test_times_of_sending_are_in_the_zone_of_the_report(tmp_path: Path) -> None:
    (tmp_path / "sent.csv").write_text("message,sent,time\nlaunch,40,2026-09-07 12:00\n")
    launch = rows(tmp_path, "--sent", "sent.csv", "--tz", "Europe/Berlin")[0]
    assert launch["median_seconds_to_open"] == "120.0"


@pytest.mark.slow
def test_opens_may_be_by_any_column(tmp_path: Path) -> None:
    found = rows(tmp_path, "--by", "traffic_reason", "--top", "2")
    assert [list(row.items())[:3] for row in found] == [
        [("traffic_reason", ""), ("sent", ""), ("opens", "5")],
        [("traffic_reason", "apple_mpp"), ("sent", ""), ("opens", "1")],
    ]
    assert [row["status"] for row in rows(tmp_path, "--by", "status")] == ["200"]


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        ("mesage", "--by 'mesage' is not a column of the events. Did you mean message or page?"),
        ("products", "--by 'products' is not a column of the events. Did you mean product?"),
        ("sent", "--by sent is a figure of this report."),
    ],
)
def test_a_breakdown_by_an_unknown_column_is_an_error(by: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*STORY))
    finished = run_in_process(tmp_path, "opens", "access.log", "--by", by)
    assert (finished.exit, sentence in finished.stderr) == (2, True)


@pytest.mark.slow
def test_bots_and_machines_are_set_aside_with_the_options(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*STORY))
    default = run_in_process(tmp_path, "opens", "access.log")
    assert default.stderr.startswith("14 events from 14 lines\n")
    finished = run_in_process(tmp_path, "opens", "access.log", "--bots", "exclude", "--machines", "exclude")
    assert finished.stderr.startswith("11 events from 14 lines; excluded: 2 bots, 1 machine\n")
    assert finished.stdout.splitlines()[1].startswith("launch,,4,3,1,0,3,")


@pytest.mark.slow
def test_each_open_counts_once_and_parquet_gives_the_same(tmp_path: Path) -> None:
    expected = rows(tmp_path)
    assert rows(tmp_path, lines=STORY + STORY) == expected
    run_in_process(tmp_path, "events", "access.log", "--bots", "include", "-q", "-o", "events.parquet")
    finished = run_in_process(tmp_path, "opens", "events.parquet", "-q")
    assert csv_rows(finished) == expected
    assert rows(tmp_path, lines=STORY[::-1]) == expected


@pytest.mark.slow
def test_a_log_without_mails_gives_no_rows(tmp_path: Path) -> None:
    lines = (request("/p.gif?v=ann&p=/", "10:00"),)
    assert rows(tmp_path, lines=lines) == rows(tmp_path, lines=lines, report="clicks") == []


@pytest.mark.slow
def test_mailers_are_read_from_end_to_end(tmp_path: Path) -> None:
    who = [f"9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f{n}" for n in range(3)]
    lines = (
        *(request(f"/campaign/{LISTMONK}/{recipient}/px.png", "10:00") for recipient in who),
        *(request(f"/link/11111111-2222-3333-4444-55555555555{n}/{LISTMONK}/{who[0]}", "10:01") for n in (1, 2)),
        request(f"/subscription/{LISTMONK}/{who[1]}", "10:05"),
        request("/track/open.php?u=0f1e2d3c4b5a69788796a5b4c&id=ab12cd34ef&e=9876543210", "10:00", agent=GMAIL),
    )
    listmonk, mailchimp = rows(tmp_path, "--by", "campaign", lines=lines)
    picked = ["campaign", "opens", "human_opens", "proxy_opens", "openers", "clicks", "clickers", "unsubscribes"]
    assert [listmonk[name] for name in picked] == [LISTMONK, "3", "3", "0", "3", "2", "1", "1"]
    assert [mailchimp[name] for name in picked] == ["ab12cd34ef", "1", "0", "1", "1", "0", "0", "0"]


@pytest.mark.slow
def test_clicks_are_counted_by_message_and_link(tmp_path: Path) -> None:
    def clicked(recipient: str, link: str, clock: str, agent: str = BROWSER) -> str:
        uri = f"/visit?mid={recipient}&wid=shop&url=https%3A%2F%2Fshop.example%2F{link}"
        return request(uri, clock, client=f"203.0.113.{ord(recipient[0])}", agent=agent)

    lines = (
        *(clicked("ann", link, f"10:00:0{n}") for n, link in enumerate("abc")),
        clicked("ben", "a", "10:01"),
        clicked("ben", "a", "10:02"),
        clicked("cy", "a", "10:03", agent="curl/8"),
    )
    found = rows(tmp_path, "--by", "event", lines=lines, report="clicks")
    assert [list(row.values()) for row in found] == [
        ["click_email", "https://shop.example/a", "4", "2", "2", "1"],
        ["click_email", "https://shop.example/b", "1", "0", "1", "0"],
        ["click_email", "https://shop.example/c", "1", "0", "1", "0"],
    ]
    by_message = rows(tmp_path, "--top", "1", lines=lines, report="clicks")
    assert [list(row.items())[:3] for row in by_message] == [
        [("message", "ben"), ("link", "https://shop.example/a"), ("clicks", "2")]
    ]

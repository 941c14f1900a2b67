"""Browser, system and device of real user agents, each parsed once, and null for those that name none."""

import re
from pathlib import Path

import polars as pl
import pytest

from pixelstat.enrich.devices import DEVICES, add_devices, parse_agents
from pixelstat.event_streams import enrich
from pixelstat.identity.consent import CONSENT_QUERY
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.schemas import DERIVED, EVENTS
from pixelstat.traffic.bots import MAX_AGENT_LENGTH
from tests.builders import GOOGLEBOT, log, view
from tests.run import export_frame, run_in_process

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE} Version/18.5 Mobile/15E148 Safari/604.1"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"

AGENTS: dict[str, tuple[str | None, str | None, str | None, str | None]] = {  # browser, os, device, device_type
    # -- desktops
    WINDOWS: ("Chrome", "Windows", None, "desktop"),
    f"{WINDOWS} Edg/140.0.0.0": ("Edge", "Windows", None, "desktop"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": ("Firefox", "Linux", None, "desktop"),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/140.0.0.0 Safari/537.36": ("Chrome", "Chrome OS", None, "desktop"),
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/18.5 Safari/605.1.15": ("Safari", "Mac OS X", "Mac", "desktop"),
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)": ("IE", "Windows", None, "desktop"),
    # -- telephones
    IPHONE: ("Mobile Safari", "iOS", "iPhone", "mobile"),
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36": ("Chrome Mobile", "Android", None, "mobile"),
    f"Mozilla/5.0 (Linux; Android 13; SM-S911B) {WEBKIT} SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36": ("Samsung Internet", "Android", "Samsung SM-S911B", "mobile"),
    "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0": ("Firefox Mobile", "Android", None, "mobile"),
    f"Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) {WEBKIT} Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15254": ("Edge Mobile", "Windows Phone", "Lumia 950", "mobile"),
    # -- tablets
    f"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) {APPLE} Version/12.1.2 Mobile/15E148 Safari/604.1": ("Mobile Safari", "iOS", "iPad", "tablet"),
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/140.0.0.0 Safari/537.36": ("Chrome", "Android", None, "tablet"),
    "Mozilla/5.0 (Android 15; Tablet; rv:140.0) Gecko/140.0 Firefox/140.0": ("Firefox Mobile", "Android", None, "tablet"),
    f"Mozilla/5.0 (Linux; Android 5.1.1; KFAUWI) {WEBKIT} Silk/108.4.6 like Chrome/108.0.5359.220 Safari/537.36": ("Amazon Silk", "Android", "Kindle", "tablet"),
    # -- televisions
    f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) {WEBKIT} 76.0.3809.146/6.0 TV Safari/537.36": ("Safari", "Tizen", "Samsung SMART-TV", "tv"),
    f"Mozilla/5.0 (Web0S; Linux/SmartTV) {WEBKIT} Chrome/94.0.4606.128 Safari/537.36 WebAppManager": ("Chrome", "Web0S", "LG Web0S SmartTV", "tv"),
    f"Mozilla/5.0 (Linux; Android 7.1.2; AFTMM Build/NS6265; wv) {WEBKIT} Version/4.0 Chrome/70.0.3538.110 Mobile Safari/537.36": ("Chrome Mobile WebView", "Android", "AFTMM", "tv"),
    "AppleTV11,1/11.1": (None, "ATV OS X", "AppleTV", "tv"),
    # -- consoles
    f"Mozilla/5.0 (PlayStation; PlayStation 5/2.26) {APPLE} Version/13.0 Safari/605.1.15": ("Safari", None, "PlayStation 5", "console"),
    "Mozilla/5.0 (PLAYSTATION 3 4.91) AppleWebKit/531.22.8 (KHTML, like Gecko)": ("NetFront NX", None, "PlayStation 3", "console"),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) {WEBKIT} Chrome/58.0.3029.110 Safari/537.36 Edge/18.19041": ("Edge", "Windows", None, "console"),
    # -- watches
    "atc/1.0 watchOS/9.4 model/Watch6,18 hwp/t8301 build/20T253 (6; dt:229)": ("Apple Watch App", "WatchOS", "Apple Watch", "watch"),
    # -- mail programs, and the proxies of mail services
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE}": ("Apple Mail", "Mac OS X", "Mac", "desktop"),
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)": ("Outlook", "Windows", None, "desktop"),
    GMAIL: ("GmailImageProxy", None, None, None),
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": ("YahooMailProxy", None, None, None),
    # -- what tells little or nothing
    "Dalvik/2.1.0 (Linux; U; Android 13; SM-S918B Build/TP1A.220624.014)": ("Android", "Android", "Samsung SM-S918B", None),
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": ("Googlebot", "Android", None, "mobile"),
    "curl/8.5.0": ("curl", None, None, None),
    "Mozilla/5.0": (None, None, None, None),
    "\x00\ufffd\x1b[31m TVs, a Kindler": (None, None, None, None),
    "": (None, None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
def test_a_user_agent_decides_browser_system_and_device(agent: str) -> None:
    assert tuple(parse_agents(pl.Series([agent])).struct.unnest().row(0)) == AGENTS[agent]


def test_no_user_agents_give_no_devices() -> None:
    told = parse_agents(pl.Series([], dtype=pl.String))
    assert (told.dtype, len(told)) == (DEVICES, 0)


def test_only_the_beginning_of_a_long_user_agent_is_read() -> None:
    said = parse_agents(
        pl.Series(["é" * (MAX_AGENT_LENGTH - 6) + "iPhone", "é" * (MAX_AGENT_LENGTH - 5) + "iPhone" + "x" * 100_000])
    )
    assert said.struct.field("device_type").to_list() == [None, None]  # the word begins within one
    said = parse_agents(
        pl.Series([" " * (MAX_AGENT_LENGTH - 6) + "iPhone", " " * (MAX_AGENT_LENGTH - 5) + "iPhone" + "x" * 100_000])
    )
    assert said.struct.field("device_type").to_list() == ["mobile", None]


# -- as columns ----------------------------------------------------------------------------------------------------


def events(*agents: str | None, rejected: str | None = None) -> pl.LazyFrame:
    """EVENTS of these agents, without the derived columns."""
    own = {"user_agent": pl.col("user_agent"), "rejected": pl.lit(rejected, EVENTS["rejected"])}
    rows = pl.LazyFrame({"user_agent": agents}, {"user_agent": pl.String})
    names = [name for name in EVENTS if name not in DERIVED]
    events = rows.select(own.get(name, pl.lit(None, EVENTS[name])).alias(name) for name in names)
    return events.with_columns(pl.lit(None, pl.String).alias(CONSENT_QUERY))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The agents that were looked at, in whatever order."""
    seen: list[str] = []

    def spy(agents: pl.Series) -> pl.Series:
        seen.extend(agents.to_list())
        return parse_agents(agents)

    monkeypatch.setattr("pixelstat.enrich.devices.parse_agents", spy)
    return seen


NAMES = ("browser", "os", "device", "device_type")


@pytest.mark.slow
def test_each_distinct_user_agent_is_parsed_once_whatever_columns_are_used(asked: list[str]) -> None:
    rows = add_devices(events(*[IPHONE, WINDOWS, None, IPHONE] * 50_000)).select(NAMES)
    found = rows.collect(engine="streaming")
    assert sorted(asked) == [WINDOWS, IPHONE]
    assert found.rows()[:3] == [
        ("Mobile Safari", "iOS", "iPhone", "mobile"), ("Chrome", "Windows", None, "desktop"), (None,) * 4,
    ]  # fmt: skip
    counts = dict(found["device_type"].value_counts().rows())
    assert counts == {"mobile": 100_000, "desktop": 50_000, None: 50_000}


def test_a_later_batch_uses_the_devices_of_an_earlier_one(asked: list[str]) -> None:
    frame = add_devices(pl.concat([events(IPHONE, None), events(), events(WINDOWS, IPHONE), events(None)]))
    for _ in range(2):
        assert frame.select("os").collect()["os"].to_list() == ["iOS", None, "Windows", "iOS", None]
    assert sorted(asked) == [WINDOWS, IPHONE]


def test_device_columns_cost_nothing_where_no_one_uses_them(asked: list[str]) -> None:
    rows = enrich(events(IPHONE, WINDOWS), PipelineSettings()).select("page", "rejected")
    assert "agent (internal)" not in rows.explain()
    assert rows.collect().height == 2
    assert asked == []


def test_user_agents_of_rejected_events_are_not_parsed(asked: list[str]) -> None:
    rows = add_devices(events(IPHONE, rejected="bot")).select(NAMES).collect()
    assert (rows.rows(), asked) == ([(None,) * 4], [])


def test_an_empty_frame_has_the_device_columns() -> None:
    rows = enrich(events(), PipelineSettings()).collect()
    assert rows.height == 0
    assert {name: rows.schema[name] for name in DERIVED} == {name: EVENTS[name] for name in DERIVED}


# -- the whole program ---------------------------------------------------------------------------------------------

STORY = log(
    view("ann", "/", "10:00", agent=IPHONE),
    view("ann", "/cart", "10:01", agent=IPHONE),
    view("ben", "/", "10:02", agent=WINDOWS),
    view("cy", "/", "10:03", agent="-"),
    view("bot", "/", "10:04", agent=GOOGLEBOT),
)


@pytest.mark.slow
def test_a_condition_may_name_device_columns(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    finished = run_in_process(tmp_path, "views", "access.log", "--where", "device_type = 'mobile' and os = 'iOS'")
    assert finished.stdout == "page,views,visitors\n/,1,1\n/cart,1,1\n"
    assert finished.stderr.startswith("2 events from 5 lines; excluded: 2 not matching --where, 1 bot\n")


@pytest.mark.slow
def test_a_step_may_name_device_columns(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    finished = run_in_process(tmp_path, "funnel", "access.log", "-q", "--step", "browser = 'Chrome'", "--step", "/cart")
    assert [line.split(",")[2] for line in finished.stdout.splitlines()] == ["visitors", "1", "0"]


@pytest.mark.slow
def test_events_have_device_columns_and_parquet_without_them_is_read(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    found = export_frame(tmp_path, "access.log")
    assert found["device_type"].to_list() == ["mobile", "mobile", "desktop", None]
    found.drop(DERIVED).write_parquet(tmp_path / "old.parquet")
    assert export_frame(tmp_path, "old.parquet").equals(found)


@pytest.mark.slow
def test_device_columns_of_parquet_are_made_again(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    found = export_frame(tmp_path, "access.log")
    found.with_columns(device_type=pl.lit(7)).write_parquet(tmp_path / "other.parquet")
    assert export_frame(tmp_path, "other.parquet").equals(found)


def test_explain_shows_the_device(tmp_path: Path) -> None:
    line = view("ann", "/", "10:00", agent=IPHONE)
    said = run_in_process(tmp_path, "views", "--explain", line, "--where", "device_type = 'mobile'").stdout
    told = dict(re.split("  +", line, maxsplit=1) for line in said.splitlines())
    assert (told["event: browser"], told["event: device_type"], told["result"]) == (
        "Mobile Safari",
        "mobile",
        "counted",
    )


@pytest.mark.slow
@pytest.mark.parametrize("words", ["x", "(iPhone", "Android "])
def test_huge_user_agents_do_no_harm(words: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(view("ann", "/", "10:00", agent=words * 100_000)))
    finished = run_in_process(tmp_path, "views", "access.log", "-q", "--where", "device is null or device = 'iPhone'")
    assert finished.stdout == "page,views,visitors\n/,1,1\n"

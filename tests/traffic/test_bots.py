"""User agents of people and of crawlers, several hundred of each: who is a bot."""

from pathlib import Path

import crawleruseragents
import polars as pl
import pytest

from pixelstat.traffic.bots import are_bots

AGENTS = Path(__file__).parent / "agents"
PROXIES = ("GoogleImageProxy", "YahooMailProxy")
FLUID = "Fluid/"  # makes a browser of one site for a person; the crawler list has it all the same


def bots_among(agents: list[str]) -> list[str]:
    series = pl.Series(agents)
    return series.filter(are_bots(series)).to_list()


def read_agents(name: str) -> list[str]:
    return [line for line in (AGENTS / name).read_text("utf-8").splitlines() if not line.startswith("# ")]


def test_a_browser_is_no_bot() -> None:
    people = read_agents("people.txt")
    assert len(people) > 500
    assert bots_among(people) == []


def test_a_crawler_is_a_bot() -> None:
    crawlers = read_agents("crawlers.txt")
    assert len(crawlers) > 400
    assert {*crawlers} - {*bots_among(crawlers)} == set()


def test_every_agent_that_the_crawler_list_shows_is_a_bot_but_for_proxies_and_browsers() -> None:
    shown = {agent for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA for agent in entry["instances"]}
    others = {agent for agent in shown if any(name in agent for name in (*PROXIES, FLUID))}
    assert {*bots_among(sorted(shown))} == shown - others


@pytest.mark.parametrize(
    ("agent", "is_bot"),
    [
        ("Mozilla/5.0 (Linux; Android 13; POWER BOT) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0", False),
        ("Mozilla/5.0 (Linux; Android 13; K) (compatible; anyspider; +https://any.example/)", True),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AnyCrawler", True),
        ("anybot", True),
        ("Firefox/140.0 Butterfly/1.0", True),
        ("Opera/9.80 (MAUI Runtime; Opera Mini/4.4.39008/37.8625; U; en) Presto/2.12.423 Version/12.16", False),
        ("Mozilla/5.0 (compatible; 008/0.83; http://www.80legs.com/webcrawler.html) Gecko/2008032620", True),
        ("", False),
    ],
)
def test_a_device_outranks_a_spider_that_names_no_address(agent: str, is_bot: bool) -> None:
    assert bots_among([agent]) == [agent] * is_bot


def test_no_agents_are_no_bots() -> None:
    assert are_bots(pl.Series(dtype=pl.String)).to_list() == []

"""Detect bots by their user agent: ua-parser's families and the crawler-user-agents list. Each agent is tested once.

Image proxies of email services load the images of emails that people open. They are never bots, whatever the lists say.
A format without an agent gives null, which is not a bot either.
"""

from functools import cache

import crawleruseragents
import polars as pl
import ua_parser
from ua_parser.core import Device, Matcher, UserAgent
from ua_parser.regex import Resolver
from ua_parser_builtins.lazy import MATCHERS

from pixelstat.frames.lookup import flag_distinct

IMAGE_PROXIES = "GoogleImageProxy|YahooMailProxy"
TOOLS = frozenset(  # ua-parser's names for programs that fetch without a person in front of them
    {
        "Apache-HttpClient", "curl", "HeadlessChrome", "Java", "libwww-perl", "PhantomJS", "Python Requests",
        "Python-urllib", "Python/aiohttp", "Wget", "Go-http-client", "HTTPie", "PycURL", "aria2", "node-fetch", "axios",
    }
)  # fmt: skip
MAX_AGENT_LENGTH = 2_048  # characters of an agent that are read: hostile ones are megabytes long


@cache
def _crawler_pattern() -> str:
    return "|".join(entry["pattern"] for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA)


def are_bots(agents: pl.Series) -> pl.Series:
    """Return for each agent whether it is a program that no person uses directly."""
    agents = agents.str.head(MAX_AGENT_LENGTH)
    is_listed = agents.str.contains(
        _crawler_pattern()
    )  # one regular expression in Rust is a hundred times as fast as Python's
    is_program = pl.Series([_is_known_program(agent) for agent in agents.to_list()], dtype=pl.Boolean)
    return (is_listed | is_program) & ~agents.str.contains(IMAGE_PROXIES)


@cache
def _parser() -> ua_parser.Parser:
    """Build ua-parser with its rules for programs and spiders only, which takes a third of the time of all rules."""
    programs: list[Matcher[UserAgent]] = [*MATCHERS[0]]
    spiders: list[Matcher[Device]] = [rule for rule in MATCHERS[2] if rule.family == "Spider"]
    return ua_parser.Parser(Resolver((programs, [], spiders)))


def _is_known_program(agent: str) -> bool:
    result = _parser().parse(agent)
    return result.device is not None or (result.user_agent is not None and result.user_agent.family in TOOLS)


def flag_bots(requests: pl.LazyFrame) -> pl.LazyFrame:
    """Add `is_bot` to REQUESTS: true for a request of a bot, false without a logged agent."""
    return flag_distinct(requests, "user_agent", are_bots, "is_bot")

"""Which agents are bots: by ua-parser's families and the crawler-user-agents list, each distinct agent judged once.

Image proxies of mail services load the images of mails that people open: they are never bots, whatever
the lists say. A format without an agent gives null, which is no bot either.
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
TOOLS = frozenset(  # ua-parser's names for programs that fetch without anybody looking
    {
        "Apache-HttpClient", "curl", "HeadlessChrome", "Java", "libwww-perl", "PhantomJS", "Python Requests",
        "Python-urllib", "Python/aiohttp", "Wget", "Go-http-client", "HTTPie", "PycURL", "aria2", "node-fetch", "axios",
    }
)  # fmt: skip
LONGEST = 2_048  # characters of an agent that are looked at: hostile ones run to megabytes


@cache
def _crawlers() -> str:
    return "|".join(entry["pattern"] for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA)


def are_bots(agents: pl.Series) -> pl.Series:
    """Whether programs asked that nobody sits in front of."""
    agents = agents.str.head(LONGEST)
    listed = agents.str.contains(_crawlers())  # as one expression in Rust: a hundred times as fast as Python's
    known = pl.Series([_is_known_program(agent) for agent in agents.to_list()], dtype=pl.Boolean)
    return (listed | known) & ~agents.str.contains(IMAGE_PROXIES)


@cache
def _parser() -> ua_parser.Parser:
    """ua-parser with its rules for programs and those of its device rules that tell spiders: a third of its start."""
    programs: list[Matcher[UserAgent]] = [*MATCHERS[0]]
    spiders: list[Matcher[Device]] = [rule for rule in MATCHERS[2] if rule.family == "Spider"]
    return ua_parser.Parser(Resolver((programs, [], spiders)))


def _is_known_program(agent: str) -> bool:
    found = _parser().parse(agent)
    return found.device is not None or (found.user_agent is not None and found.user_agent.family in TOOLS)


def with_bots(requests: pl.LazyFrame) -> pl.LazyFrame:
    """REQUESTS with `is_bot`: true for a bot's, false where no agent is known."""
    return flag_distinct(requests, "user_agent", are_bots, "is_bot")

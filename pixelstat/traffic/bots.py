"""Detect bots by their user agent: ua-parser's families and the crawler-user-agents list. Each agent is tested once.

ua-parser's last rule for spiders finds words such as `bot` or `yahoo` anywhere, so also in the names of telephones and
apps. Its rules for devices come earlier, and the first rule that holds counts.

Image proxies of email services load the images of emails that people open. They are never bots, whatever the lists say.
A format without an agent gives null, which is not a bot either.
"""

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

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
SPIDER = "Spider"  # ua-parser's family of crawlers, among its devices
ADDRESS = "://"  # spiders that claim to be a telephone name the address of their makers
NAMES_OF_BROWSERS = "(?i)" + "|".join(  # those of devices and browsers that hold the word of a crawler
    (
        r"\bCubot\b", r"\bHTC[ _]Butterfly", r"\bButterfly \w+ Build/", r"\bBlackboard/", r"\bFluid/",
        r"\bSmartTV/\S+ Silk\b", r"\bSogou(?:MSE|MobileBrowser)", r"\bSonic Slack_SSB/", r"\bOpera Mini/[\d./]+",
        r"\w-xenU\b", r"\bjp\.co\.yahoo\.", r"\bYJApp", r"\bDaum(?:Apps|Device)/", r"\bYahoo! Toolbar\b",
    )
)  # fmt: skip
PLAIN_NAME = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\\W)+")  # a regular expression that matches one text only
MAX_AGENT_LENGTH = 2_048  # characters of an agent that are read: hostile ones are megabytes long


@cache
def _list_crawlers() -> tuple[list[str], str]:
    """Return the names of the crawler list, and one regular expression for its entries that are more than a name."""
    package = find_spec("crawleruseragents")
    assert package
    assert package.origin
    # Not imported, because the package reads its file in the encoding of the locale, which may be ASCII.
    data = Path(package.origin).with_name("crawler-user-agents.json").read_text("utf-8")
    entries = [entry["pattern"] for entry in json.loads(data)]
    names = [entry for entry in entries if PLAIN_NAME.fullmatch(entry)]
    others = [entry for entry in entries if not PLAIN_NAME.fullmatch(entry)]
    return [re.sub(r"\\(\W)", r"\1", name) for name in names], "|".join(others)


def are_bots(agents: pl.Series) -> pl.Series:
    """Return for each agent whether it is a program that no person uses directly."""
    agents = agents.str.head(MAX_AGENT_LENGTH).str.replace_all(NAMES_OF_BROWSERS, "")
    names, pattern = _list_crawlers()
    # Many names at once are found a hundred times as fast as by a regular expression.
    is_listed = agents.str.contains_any(names) | agents.str.contains(pattern)
    unlisted = agents.filter(~is_listed)
    programs = unlisted.filter(pl.Series([_is_known_program(agent) for agent in unlisted.to_list()], dtype=pl.Boolean))
    return (is_listed | agents.is_in(programs.implode())) & ~agents.str.contains(IMAGE_PROXIES)


@cache
def _parser() -> ua_parser.Parser:
    """Build ua-parser with its rules for programs and spiders only, which takes a third of the time of all rules."""
    programs: list[Matcher[UserAgent]] = [*MATCHERS[0]]
    spiders: list[Matcher[Device]] = [rule for rule in MATCHERS[2] if rule.family == SPIDER]
    return ua_parser.Parser(Resolver((programs, [], spiders)))


@cache
def _device_parser() -> ua_parser.Parser:
    """Build ua-parser with all its rules for devices. They take long, so only agents that may be spiders meet them."""
    return ua_parser.Parser(Resolver(([], [], [*MATCHERS[2]])))


def _is_known_program(agent: str) -> bool:
    result = _parser().parse(agent)
    if result.user_agent is not None and result.user_agent.family in TOOLS:
        return True
    return result.device is not None and (ADDRESS in agent or not _is_device(agent))


def _is_device(agent: str) -> bool:
    """Return whether the first rule of ua-parser that holds names a device, not a spider."""
    device = _device_parser().parse_device(agent)
    return device is not None and device.family != SPIDER


def flag_bots(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add `is_bot` to EVENTS, never null: by the user agent, or because the request says so."""
    flagged = flag_distinct(events, "user_agent", are_bots, "is_bot")
    return flagged.with_columns(pl.col("is_bot") | pl.col("is_declared_bot").fill_null(value=False))

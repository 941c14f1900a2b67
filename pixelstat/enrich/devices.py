"""Add browser, operating system and device to events, by the user agent. Each distinct agent is parsed once.

The names are ua-parser's families, without versions. The type of a device comes from words in the agent; an agent
without any of them has no type. An agent may mislead: an iPad that asks for desktop pages claims to be a Mac, so it
counts as a desktop.

The image proxy of an email service says nothing about the device of the person. Its name is the browser, and the
rest is null.
"""

from functools import cache

import polars as pl
import ua_parser
from ua_parser.regex import Resolver
from ua_parser_builtins.lazy import MATCHERS

from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import map_distinct
from pixelstat.traffic.bots import IMAGE_PROXIES, MAX_AGENT_LENGTH

DEVICES = pl.Struct({name: pl.String() for name in ("browser", "os", "device", "device_type")})

DEVICE_TYPES = (  # the first type whose words occur in the agent
    ("tablet", r"\biPad"),
    ("mobile", r"\b(?:iPhone|iPod)"),
    ("tv", r"TV\b|\b(?:AppleTV|tvOS|Web0S|BRAVIA|CrKey|NetCast|Roku|Viera|AFT[A-Z]+)"),
    ("console", r"(?i)\b(?:PlayStation|Xbox|Nintendo)"),
    ("watch", r"\b(?:watchOS|Watch OS|Apple Watch|Galaxy Watch)"),
    ("desktop", r"\bTablet PC\b"),  # how Windows names its software, on any machine
    ("tablet", r"\b(?:Tablet|PlayBook|Kindle|Silk)\b"),
    ("mobile", r"\bMobi|IEMobile|Windows Phone|BlackBerry|Opera Mini|Symbian|MIDP"),
    # On Android, browsers say Mobile on telephones only. Other programs do not say it there either.
    # https://developer.chrome.com/docs/multidevice/user-agent
    ("tablet", r"(?s)^Mozilla/.*\bAndroid\b"),
    ("desktop", r"\b(?:Windows|Macintosh|Mac OS X|macOS|X11|CrOS|Linux (?:x86_64|i\d86|aarch64))\b"),
)
NO_DEVICE = frozenset(  # ua-parser's families that do not name a device: Chrome says K on every Android
    {"Generic Feature Phone", "Generic Smartphone", "Generic Tablet", "K", "Other", "Spider"}
)


def add_devices(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add `browser`, `os`, `device` and `device_type` to EVENTS; null without a logged agent and for rejected rows."""
    agent, device = internal("agent"), internal("device")
    accepted = pl.when(pl.col("rejected").is_null()).then("user_agent")  # bots have many distinct agents
    parsed = map_distinct(events.with_columns(accepted.alias(agent)), agent, parse_agents, device, DEVICES)
    return parsed.with_columns(pl.col(device).struct.unnest()).drop(agent, device)


def parse_agents(agents: pl.Series) -> pl.Series:
    """Parse each agent into a struct of type DEVICES. Of a long agent only the beginning is read."""
    agents = agents.str.head(MAX_AGENT_LENGTH)
    parsed = [_parser().parse(agent) for agent in agents.to_list()]
    families = pl.DataFrame(
        {
            "agent": agents,
            "browser": [result.user_agent and result.user_agent.family for result in parsed],
            "os": [result.os and result.os.family for result in parsed],
            "device": [result.device and result.device.family for result in parsed],
        },
        {"agent": pl.String, **dict.fromkeys(("browser", "os", "device"), pl.String)},
    )
    is_person = pl.col("agent").str.contains(IMAGE_PROXIES).not_()
    return families.select(
        "browser",
        os=pl.when(is_person).then("os"),
        device=pl.when(is_person & pl.col("device").is_in(NO_DEVICE).not_()).then("device"),
        device_type=pl.when(is_person).then(device_type(pl.col("agent"))),
    ).to_struct("device")


def device_type(agent: pl.Expr) -> pl.Expr:
    """Return tablet, mobile, tv, console, watch or desktop; null where the agent does not say."""
    types = [pl.when(agent.str.contains(words)).then(pl.lit(name)) for name, words in DEVICE_TYPES]
    return pl.coalesce(types)


@cache
def _parser() -> ua_parser.Parser:
    """Build ua-parser with all its rules. It takes 0.15 s, so it happens only when a column of a device is used."""
    return ua_parser.Parser(Resolver(([*MATCHERS[0]], [*MATCHERS[1]], [*MATCHERS[2]])))

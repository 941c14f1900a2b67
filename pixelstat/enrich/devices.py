"""What people hold in their hands, by what their agents say: browser, system and device, each distinct agent read once.

The names are ua-parser's families, without versions. The type of a device is told by words of the agent; an agent
that has none of them tells no type. What an agent does not say nobody knows: an iPad that asks for desktop pages says
that it is a Mac, and is a desktop here.

The image proxy of a mail service tells nothing of the person's device: its name is the browser, the rest is null.
"""

from functools import cache

import polars as pl
import ua_parser
from ua_parser.regex import Resolver
from ua_parser_builtins.lazy import MATCHERS

from pixelstat.frames.lookup import map_distinct
from pixelstat.traffic.user_agents import IMAGE_PROXIES, LONGEST

DEVICES = pl.Struct({name: pl.String() for name in ("browser", "os", "device", "device_type")})

DEVICE_TYPES = (  # the first whose words an agent has
    ("tablet", r"\biPad"),
    ("mobile", r"\b(?:iPhone|iPod)"),
    ("tv", r"TV\b|\b(?:AppleTV|tvOS|Web0S|BRAVIA|CrKey|NetCast|Roku|Viera|AFT[A-Z]+)"),
    ("console", r"(?i)\b(?:PlayStation|Xbox|Nintendo)"),
    ("watch", r"\b(?:watchOS|Watch OS|Apple Watch|Galaxy Watch)"),
    ("desktop", r"\bTablet PC\b"),  # what Windows says of its software, whatever it runs on
    ("tablet", r"\b(?:Tablet|PlayBook|Kindle|Silk)\b"),
    ("mobile", r"\bMobi|IEMobile|Windows Phone|BlackBerry|Opera Mini|Symbian|MIDP"),
    # Browsers on Android say Mobile on telephones alone; programs of other names do not say it there either.
    # https://developer.chrome.com/docs/multidevice/user-agent
    ("tablet", r"(?s)^Mozilla/.*\bAndroid\b"),
    ("desktop", r"\b(?:Windows|Macintosh|Mac OS X|macOS|X11|CrOS|Linux (?:x86_64|i\d86|aarch64))\b"),
)
NO_DEVICE = frozenset(  # ua-parser's families that name none: K is what Chrome says on all Android
    {"Generic Feature Phone", "Generic Smartphone", "Generic Tablet", "K", "Other", "Spider"}
)


def with_devices(events: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS with `browser`, `os`, `device` and `device_type`, null where no agent is logged or a row is set aside."""
    agent = pl.when(pl.col("rejected").is_null()).then("user_agent")  # bots have many
    named = map_distinct(events.with_columns(agent.alias("own agent")), "own agent", devices, "own device", DEVICES)
    return named.with_columns(pl.col("own device").struct.unnest()).drop("own agent", "own device")


def devices(agents: pl.Series) -> pl.Series:
    """What each agent says, as DEVICES; of a long one its beginning."""
    agents = agents.str.head(LONGEST)
    parsed = [_parser().parse(agent) for agent in agents.to_list()]
    said = pl.DataFrame(
        {
            "agent": agents,
            "browser": [found.user_agent and found.user_agent.family for found in parsed],
            "os": [found.os and found.os.family for found in parsed],
            "device": [found.device and found.device.family for found in parsed],
        },
        {"agent": pl.String, **dict.fromkeys(("browser", "os", "device"), pl.String)},
    )
    is_persons = pl.col("agent").str.contains(IMAGE_PROXIES).not_()
    return said.select(
        "browser",
        os=pl.when(is_persons).then("os"),
        device=pl.when(is_persons & pl.col("device").is_in(NO_DEVICE).not_()).then("device"),
        device_type=pl.when(is_persons).then(device_type(pl.col("agent"))),
    ).to_struct("device")


def device_type(agent: pl.Expr) -> pl.Expr:
    """tablet, mobile, tv, console, watch or desktop; null where the agent does not tell."""
    types = [pl.when(agent.str.contains(words)).then(pl.lit(name)) for name, words in DEVICE_TYPES]
    return pl.coalesce(types)


@cache
def _parser() -> ua_parser.Parser:
    """ua-parser with all its rules: they take 0.15 s, which only who asks for a device waits for."""
    return ua_parser.Parser(Resolver(([*MATCHERS[0]], [*MATCHERS[1]], [*MATCHERS[2]])))

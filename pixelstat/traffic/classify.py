"""Who sits behind a hit, by this one request: a person, an image proxy that hides one, or a machine, and why.

A proxy's hit is a person's act: Gmail and Yahoo load a mail's images when somebody opens it, under an address and an
agent of their own. A machine's is nobody's: scanners that click before the mail is delivered, mail programs that load
images beforehand, crawlers. Hits are labelled, never dropped. What only shows by many hits is in `behaviour`.

Sources: Bird (formerly SparkPost) on Gmail's prefetching, Mailgun and MailPoet on Apple's, the HTML and Chromium
sources on prefetch headers. An agent that ends in "(KHTML, like Gecko)" is none of these: Apple Mail bears it, and so
does Outlook for Mac.
"""

from collections.abc import Sequence

import polars as pl

from pixelstat.frames.lookup import flag_distinct
from pixelstat.traffic.networks import NamedNetwork, shipped_name_lookup
from pixelstat.traffic.user_agents import LONGEST, are_bots

VERDICTS = ("human", "proxy", "machine")
PROXIES = {"gmail": "GoogleImageProxy", "yahoo": "YahooMailProxy"}  # reason: what is in the agent
APPLE = "Mozilla/5.0"  # the whole agent of Apple Mail Privacy Protection
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
GMAIL_PREFETCH = f"{_WINDOWS} Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
GMAIL_PREFETCH_FROM_GOOGLE = f"{_WINDOWS} Chrome/104.0.0.0 Safari/537.36"  # a browser's, too: elsewhere it is a person
PREFETCH = "(?i)prefetch|prerender|preview|instant"  # in Sec-Purpose and its forerunners


def with_verdict(events: pl.LazyFrame, further: Sequence[NamedNetwork] = ()) -> pl.LazyFrame:
    """EVENTS with `verdict`, one of VERDICTS, and `reason`, the rule that told a proxy or a machine; null for a human.

    `further` are networks of machines beside those that ship with pixelstat.
    """

    def network_names(clients: pl.Series) -> pl.Series:
        name_of = shipped_name_lookup(further)
        return pl.Series([name_of(client) for client in clients.to_list()], dtype=pl.String)

    events = flag_distinct(events, "user_agent", are_bots, "by_bot")
    events = flag_distinct(events, "client", network_names, "known network", "")
    is_proxy = pl.col("reason").is_in(list(PROXIES))
    human, proxy, machine = map(pl.lit, VERDICTS)
    return (
        events.with_columns(reason=_reason())
        .with_columns(verdict=pl.when(is_proxy).then(proxy).when(pl.col("reason").is_null()).then(human).otherwise(machine))
        .drop("by_bot", "known network")
    )  # fmt: skip


def _reason() -> pl.Expr:
    """The first rule that holds. An agent that is empty was not sent; where the log does not tell, it is null."""
    agent, network = pl.col("user_agent").str.head(LONGEST), pl.col("known network")
    rules = {
        "prefetch": pl.col("purpose").str.contains(PREFETCH),
        **{name: agent.str.contains(part, literal=True) for name, part in PROXIES.items()},
        "gmail_prefetch": (agent == GMAIL_PREFETCH)
        | ((agent == GMAIL_PREFETCH_FROM_GOOGLE) & (network == "google")),
        "apple_mpp": agent == APPLE,
        "no_agent": agent.str.strip_chars().is_in(["", "-"]),
        "bot": pl.col("by_bot"),
    }  # fmt: skip
    first = pl.coalesce(pl.when(holds).then(pl.lit(reason)) for reason, holds in rules.items())
    return pl.coalesce(first, pl.when(network.is_in(["", "google"]).not_()).then(network))

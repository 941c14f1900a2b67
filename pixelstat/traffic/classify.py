"""Classify an event by its request alone: a person, an image proxy that hides a person, or a machine, and why.

The hit of a proxy is the act of a person: Gmail and Yahoo load the images of an email when somebody opens it, with
their own address and agent. A machine's hit is nobody's act: scanners click before the email is delivered, email
programs load images in advance, crawlers crawl. Hits are labelled, never dropped. `behaviour` finds the machines that
only a series of hits reveals.

Sources: Bird (formerly SparkPost) on Gmail's prefetching, Mailgun and MailPoet on Apple's, the HTML and Chromium
sources on prefetch headers. An agent that ends in "(KHTML, like Gecko)" does not mean a machine: Apple Mail and Outlook
for Mac send it.
"""

from collections.abc import Sequence

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import flag_distinct
from pixelstat.traffic.bots import MAX_AGENT_LENGTH, are_bots
from pixelstat.traffic.networks import NamedNetwork, build_shipped_name_lookup
from pixelstat.vocabulary import is_head_request

TRAFFIC_CLASSES = ("human", "proxy", "machine")
PROXIES = {"gmail": "GoogleImageProxy", "yahoo": "YahooMailProxy"}  # reason -> the text in the agent
APPLE_MPP_AGENT = "Mozilla/5.0"  # the whole agent of Apple Mail Privacy Protection
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
GMAIL_PREFETCH = f"{_WINDOWS} Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
# Also the agent of a browser: outside Google's networks it is a person.
GMAIL_PREFETCH_FROM_GOOGLE = f"{_WINDOWS} Chrome/104.0.0.0 Safari/537.36"
PREFETCH = "(?i)prefetch|prerender|preview|instant"  # in Sec-Purpose and its predecessors
_IS_BOT, _NETWORK = internal("is bot"), internal("network")


def classify_by_request(events: pl.LazyFrame, scanners: Sequence[NamedNetwork] = ()) -> pl.LazyFrame:
    """Add `traffic_class`, one of TRAFFIC_CLASSES, and `traffic_reason`.

    The reason is the rule that found a proxy or a machine; it is null for a human.

    `scanners` are networks of machines in addition to those that ship with pixelstat.
    """

    def network_names(clients: pl.Series) -> pl.Series:
        name_of = build_shipped_name_lookup(scanners)
        return pl.Series([name_of(client) for client in clients.to_list()], dtype=pl.String)

    events = flag_distinct(events, "user_agent", are_bots, _IS_BOT)
    events = flag_distinct(events, "client", network_names, _NETWORK, "")
    is_proxy = pl.col("traffic_reason").is_in(list(PROXIES))
    human, proxy, machine = map(pl.lit, TRAFFIC_CLASSES)
    return (
        events.with_columns(traffic_reason=_find_reason())
        .with_columns(traffic_class=pl.when(is_proxy).then(proxy).when(pl.col("traffic_reason").is_null()).then(human).otherwise(machine))
        .drop(_IS_BOT, _NETWORK)
    )  # fmt: skip


def _find_reason() -> pl.Expr:
    """Return the first rule that holds. An empty agent was not sent; null means that the log does not hold agents."""
    agent, network = pl.col("user_agent").str.head(MAX_AGENT_LENGTH), pl.col(_NETWORK)
    rules = {
        "head": pl.col("is_declared_bot") & is_head_request(),
        "declared_bot": pl.col("is_declared_bot"),
        "prefetch": pl.col("purpose").str.contains(PREFETCH),
        **{name: agent.str.contains(part, literal=True) for name, part in PROXIES.items()},
        "gmail_prefetch": (agent == GMAIL_PREFETCH)
        | ((agent == GMAIL_PREFETCH_FROM_GOOGLE) & (network == "google")),
        "apple_mpp": agent == APPLE_MPP_AGENT,
        "no_agent": agent.str.strip_chars().is_in(["", "-"]),
        "bot": pl.col(_IS_BOT),
    }  # fmt: skip
    first = pl.coalesce(pl.when(condition).then(pl.lit(reason)) for reason, condition in rules.items())
    return pl.coalesce(first, pl.when(network.is_in(["", "google"]).not_()).then(network))

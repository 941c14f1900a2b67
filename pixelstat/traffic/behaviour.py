"""Classify machines by their behaviour over all hits of the logs, whatever agent they send.

Scanners of emails send the agents of ordinary browsers. They are found by what no person does: clicking three links of
one email within ten seconds, reading emails of ten recipients behind one address, opening an email in the second of
sending. A rule that holds for a group of hits applies to all of them, the first ones too, in any order of the logs.

Only hits that `classify` gave to a person are counted and labelled. So an image proxy stays a proxy, although its
address has everybody's recipients. And a scanner that is known by its network does not turn others into machines.

The thresholds are those of other tools: two seconds after sending (Mautic), addresses of one message within thirty
seconds (mautic #16263), links within ten seconds and recipients of an address within ten minutes (field studies).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.text.durations import format_duration
from pixelstat.vocabulary import is_email_event, is_page_view

MINUTE = timedelta(minutes=1)
TICK = timedelta(seconds=1)  # resolution of the logs' clock: a hit may seem older than the sending by this much


@dataclass(frozen=True)
class BehaviourLimits:
    """The thresholds beyond which a visitor is a machine. A number of 0 switches its rule off."""

    burst_links: int = 3  # links of one message that one recipient clicked
    burst_time: timedelta = timedelta(seconds=10)
    address_recipients: int = 10  # recipients behind one address
    address_time: timedelta = timedelta(minutes=10)
    recipient_addresses: int = 3  # addresses from which one recipient requested one message
    recipient_time: timedelta = timedelta(seconds=30)
    after_send: timedelta = timedelta(seconds=2)
    page_rate: int = 60  # page views of one visitor in a minute

    def __str__(self) -> str:
        """Return the thresholds as a caption prints them."""
        texts = [f"requests within {format_duration(self.after_send)} of sending"]
        if self.burst_links:
            texts.append(f"{self.burst_links} links in {format_duration(self.burst_time)}")
        if self.address_recipients:
            texts.append(f"{self.address_recipients} recipients per address in {format_duration(self.address_time)}")
        if self.recipient_addresses:
            texts.append(
                f"{self.recipient_addresses} addresses per recipient in {format_duration(self.recipient_time)}"
            )
        if self.page_rate:
            texts.append(f"{self.page_rate} page views in 1m")
        return f"Machine rules: {', '.join(texts)}"


def classify_by_behaviour(events: pl.LazyFrame, limits: BehaviourLimits) -> pl.LazyFrame:
    """Set `traffic_class` and `reason` of the EVENTS that are machines by their behaviour.

    It holds all rows in memory at once. Rejected rows are not counted and stay as they are.
    """
    is_candidate = pl.col("rejected").is_null() & (pl.col("traffic_class") == "human") & pl.col("time").is_not_null()
    columns = {
        "is_candidate": is_candidate,
        "time": pl.col("time"),
        "hit": pl.col("hit"),
        "is_mail": is_email_event(),
        "is_view": is_page_view(),
        "since_sent": pl.col("time") - pl.col("sent"),
        "visitor": pl.col("visitor"),
        "person": _recipient(),
        "mailing": pl.coalesce("message", "campaign"),
        "link": pl.when(pl.col("event") == "click_email").then("link"),
        "client": pl.col("client"),
    }

    def batch(series: Sequence[pl.Series]) -> pl.Series:
        return find_reasons(pl.DataFrame(dict(zip(columns, series, strict=True))), limits)

    name = internal("reason by behaviour")
    reason = pl.col(name)
    return (
        events.with_columns(pl.map_batches([*columns.values()], batch, return_dtype=pl.String).alias(name))
        .with_columns(
            traffic_class=pl.when(reason.is_not_null()).then(pl.lit("machine")).otherwise("traffic_class"),
            traffic_reason=pl.coalesce(reason, "traffic_reason"),
        )
        .drop(name)
    )


def _recipient() -> pl.Expr:
    """Return the recipient, else the visitor id. Address and agent identify nobody: a whole office may share them."""
    visitor = pl.col("visitor")
    return pl.coalesce("recipient", pl.when(~visitor.str.starts_with("c:")).then(visitor))


def find_reasons(rows: pl.DataFrame, limits: BehaviourLimits) -> pl.Series:
    """Return the first rule that holds for each row; null if none does, and for rows that are not candidates."""
    height = rows.height
    rows = rows.with_row_index("row").filter("is_candidate")
    mails, views = rows.filter("is_mail"), rows.select("row", "time", "visitor", hit=pl.when("is_view").then("hit"))
    rows_by_reason = {
        "after_send": mails.filter(pl.col("since_sent").is_between(-TICK, limits.after_send, closed="right"))["row"],
        "link_burst": find_burst_rows(mails, ["person", "mailing"], "link", limits.burst_links, limits.burst_time),
        "shared_address": find_burst_rows(
            mails.filter(pl.col("person").is_not_null()), ["client"], "person", limits.address_recipients,
            limits.address_time,
        ),
        "many_addresses": find_burst_rows(
            mails, ["person", "mailing"], "client", limits.recipient_addresses, limits.recipient_time
        ),
        "page_rate": find_burst_rows(views, ["visitor"], "hit", limits.page_rate, MINUTE),
    }  # fmt: skip
    reasons = pl.Series([None], dtype=pl.String).new_from_index(0, height)
    for reason, matches in reversed(rows_by_reason.items()):
        reasons = reasons.scatter(matches, reason)
    return reasons


def find_burst_rows(rows: pl.DataFrame, keys: Sequence[str], value: str, least: int, length: timedelta) -> pl.Series:
    """Return the `row` of rows in any window of `length` in which one key has at least `least` distinct values.

    Windows include both ends. Rows whose first key is null are ignored. Rows whose value is null do not add a value,
    but belong to a window like others. With `least` 0 no row is returned.
    """
    if not least:
        return pl.Series(dtype=pl.UInt32)
    rows = rows.filter(pl.col(keys[0]).is_not_null(), pl.col(value).drop_nulls().n_unique().over(keys) >= least)
    rows = rows.select(
        "row", pl.col("time").to_physical(), key=pl.struct(keys).rank("dense"), value=pl.col(value).rank("dense")
    ).sort("key", "time")
    times, groups, values = (rows[name].to_list() for name in ("time", "key", "value"))
    width = length // timedelta(microseconds=1)
    inside: Counter[int | None] = Counter()  # values in the window that ends at the current row
    first = done = 0  # start of the window; rows before `done` are marked or passed
    is_marked = [False] * len(times)
    for last, (time, group, current) in enumerate(zip(times, groups, values, strict=True)):
        inside[current] += 1
        while groups[first] != group or time - times[first] > width:
            leaving = values[first]
            inside[leaving] -= 1
            if not inside[leaving]:
                del inside[leaving]
            first += 1
        if len(inside) - (None in inside) >= least:
            for row in range(max(first, done), last + 1):
                is_marked[row] = True
            done = last + 1
    return rows["row"].filter(pl.Series(is_marked, dtype=pl.Boolean))

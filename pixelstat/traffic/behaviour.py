"""Machines that only their behaviour gives away: by all hits of the logs, whoever they say they are.

Scanners of mail bear the agents of ordinary browsers, so what tells them is that no person does the like: three links
of one mail within ten seconds, ten recipients behind one address, an open in the second of sending. A rule that holds
for some hits holds for all of them, the first ones too, in whatever order the logs have them.

Only hits that one request alone would give to a person are counted and labelled: an image proxy, behind whose address
everybody's recipients are, stays one, and a scanner that is known by its network makes nobody else a machine.

The thresholds are those in use elsewhere: two seconds after sending (Mautic), addresses of one message within thirty
seconds (mautic #16263), links within ten seconds and recipients of an address within ten minutes (field studies).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from pixelstat.text.durations import format_duration
from pixelstat.vocabulary import is_email_event, is_page_view

MINUTE = timedelta(minutes=1)
TICK = timedelta(seconds=1)  # of the logs' clock: a hit may seem that much older than the sending before it


@dataclass(frozen=True)
class Limits:
    """What no person does. A number of 0 switches its rule off."""

    burst_links: int = 3  # of one message, clicked by one recipient
    burst_time: timedelta = timedelta(seconds=10)
    address_recipients: int = 10  # who asked from one address
    address_time: timedelta = timedelta(minutes=10)
    recipient_addresses: int = 3  # that one recipient asked from for one message
    recipient_time: timedelta = timedelta(seconds=30)
    after_send: timedelta = timedelta(seconds=2)
    page_rate: int = 60  # page views of one visitor in a minute

    def __str__(self) -> str:
        """The thresholds, as a caption prints them."""
        texts = [f"within {format_duration(self.after_send)} of sending"]
        if self.burst_links:
            texts.append(f"{self.burst_links} links in {format_duration(self.burst_time)}")
        if self.address_recipients:
            texts.append(f"{self.address_recipients} recipients of an address in {format_duration(self.address_time)}")
        if self.recipient_addresses:
            texts.append(
                f"{self.recipient_addresses} addresses of a recipient in {format_duration(self.recipient_time)}"
            )
        if self.page_rate:
            texts.append(f"{self.page_rate} page views in 1m")
        return f"machines by behaviour: {', '.join(texts)}"


def labelled(events: pl.LazyFrame, limits: Limits) -> pl.LazyFrame:
    """EVENTS with the `verdict` and `reason` of those that are machines by their behaviour.

    It sees all rows at once; those that are set aside count for nothing and stay as they are.
    """
    is_candidate = pl.col("rejected").is_null() & (pl.col("verdict") == "human") & pl.col("time").is_not_null()
    columns = {
        "candidate": is_candidate,
        "time": pl.col("time"),
        "hit": pl.col("hit"),
        "mail": is_email_event(),
        "view": is_page_view(),
        "since_sent": pl.col("time") - pl.col("sent"),
        "visitor": pl.col("visitor"),
        "person": _recipient(),
        "mailing": pl.coalesce("message", "campaign"),
        "link": pl.when(pl.col("event") == "click_email").then("link"),
        "client": pl.col("client"),
    }

    def reasons(series: Sequence[pl.Series]) -> pl.Series:
        return told(pl.DataFrame(dict(zip(columns, series, strict=True))), limits)

    by_behaviour = pl.map_batches([*columns.values()], reasons, return_dtype=pl.String)
    found = pl.col("by behaviour")
    return (
        events.with_columns(by_behaviour.alias("by behaviour"))
        .with_columns(
            verdict=pl.when(found.is_not_null()).then(pl.lit("machine")).otherwise("verdict"),
            reason=pl.coalesce(found, "reason"),
        )
        .drop("by behaviour")
    )


def _recipient() -> pl.Expr:
    """Who got the mail, where its address tells. Address and agent name nobody: a whole office may share them."""
    visitor = pl.col("visitor")
    return pl.coalesce("recipient", pl.when(~visitor.str.starts_with("c:")).then(visitor))


def told(rows: pl.DataFrame, limits: Limits) -> pl.Series:
    """The first rule that holds for each row; null where none does, and for rows that are no candidates."""
    height = rows.height
    rows = rows.with_row_index("row").filter("candidate")
    mails, views = rows.filter("mail"), rows.select("row", "time", "visitor", hit=pl.when("view").then("hit"))
    found = {
        "after_send": mails.filter(pl.col("since_sent").is_between(-TICK, limits.after_send, closed="right"))["row"],
        "link_burst": crowded(mails, ["person", "mailing"], "link", limits.burst_links, limits.burst_time),
        "shared_address": crowded(
            mails.filter(pl.col("person").is_not_null()), ["client"], "person", limits.address_recipients,
            limits.address_time,
        ),
        "many_addresses": crowded(
            mails, ["person", "mailing"], "client", limits.recipient_addresses, limits.recipient_time
        ),
        "page_rate": crowded(views, ["visitor"], "hit", limits.page_rate, MINUTE),
    }  # fmt: skip
    reasons = pl.Series([None], dtype=pl.String).new_from_index(0, height)
    for reason, marked in reversed(found.items()):
        reasons = reasons.scatter(marked, reason)
    return reasons


def crowded(rows: pl.DataFrame, keys: Sequence[str], what: str, least: int, span: timedelta) -> pl.Series:
    """`row` of all rows that lie, with others of the same keys, in a span that holds `least` distinct values or more.

    A span includes both its ends. Rows whose first key is null are nobody's; those whose value is null count for
    nothing, but are in a span like others.
    """
    if not least:
        return pl.Series(dtype=pl.UInt32)
    rows = rows.filter(pl.col(keys[0]).is_not_null(), pl.col(what).drop_nulls().n_unique().over(keys) >= least)
    rows = rows.select(
        "row", pl.col("time").to_physical(), key=pl.struct(keys).rank("dense"), value=pl.col(what).rank("dense")
    ).sort("key", "time")
    times, groups, values = (rows[name].to_list() for name in ("time", "key", "value"))
    width = span // timedelta(microseconds=1)
    inside: Counter[int | None] = Counter()  # values in the span that ends at the row looked at
    first = done = 0  # where that span begins; up to where rows are marked or passed
    is_marked = [False] * len(times)
    for last, (time, group, value) in enumerate(zip(times, groups, values, strict=True)):
        inside[value] += 1
        while groups[first] != group or time - times[first] > width:
            gone = values[first]
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            first += 1
        if len(inside) - (None in inside) >= least:
            for row in range(max(first, done), last + 1):
                is_marked[row] = True
            done = last + 1
    return rows["row"].filter(pl.Series(is_marked, dtype=pl.Boolean))

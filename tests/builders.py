"""Builders that speak the domain, for lines of a log and for rows of events.

A line is one of an nginx combined log:

    log(view("ann", "/cart", "10:00"), bought("ann", "10:05", "A1", "50"))

A row is an event by those columns of EVENTS that matter:

    events(purchase("10:05", "A1", 50.0), refund("11:00", "A1"))
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlencode
from zlib import crc32

import polars as pl

from pixelstat.fastpath import hash_requests
from pixelstat.schemas import EVENTS
from pixelstat.traffic.deduplication import name_site, number_hits, number_rows

DAY = "2026-09-07"
MIDNIGHT = datetime(2026, 9, 7, tzinfo=timezone.utc)  # of that day

Row = dict[str, Any]

# -- times -----------------------------------------------------------------------------------------------------------


def at(clock: str | int, day: int = 0) -> datetime:
    """The time of the clock, `10:00` or `10:00:59` or minutes since midnight, so many days after DAY, in UTC."""
    hours, minutes, seconds = (0, clock, 0) if isinstance(clock, int) else (*map(int, clock.split(":")), 0)[:3]
    return MIDNIGHT + timedelta(days=day, hours=hours, minutes=minutes, seconds=seconds)


def instant(text: str) -> datetime:
    """The instant that the text in ISO 8601 names, in UTC; so is a text without an offset."""
    time = datetime.fromisoformat(text)
    return time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)


# -- lines of a log --------------------------------------------------------------------------------------------------

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def address(visitor: str) -> str:
    """The visitor's address: the same every time."""
    return f"198.51.100.{crc32(visitor.encode()) % 254 + 1}"


def request(
    uri: str,
    clock: str,
    *,
    client: str = "198.51.100.255",
    day: str = DAY,
    offset: str = "+0000",
    method: str = "GET",
    status: int = 200,
    referrer: str = "-",
    agent: str = BROWSER,
) -> str:
    """Any request. The clock is `10:00` or `10:00:59`, in the zone of the offset."""
    time = f"{date.fromisoformat(day):%d/%b/%Y}:{clock if clock.count(':') == 2 else clock + ':00'} {offset}"
    return f'{client} - - [{time}] "{method} {uri} HTTP/1.1" {status} 43 "{referrer}" "{agent}"'


def hit(
    visitor: str,
    event: str,
    clock: str,
    *,
    day: str = DAY,
    offset: str = "+0000",
    status: int = 200,
    agent: str = BROWSER,
    **parameters: str,
) -> str:
    """An event of the visitor on the house pixel, with more parameters of the pixel if they are given."""
    query = urlencode({"e": event, "v": visitor, **parameters}, safe="/", quote_via=quote)
    client = address(visitor)
    return request(f"/pixel.gif?{query}", clock, client=client, day=day, offset=offset, status=status, agent=agent)


def view(visitor: str, page: str, clock: str, *, day: str = DAY, agent: str = BROWSER) -> str:
    """The visitor views a page."""
    return hit(visitor, "page_view", clock, day=day, agent=agent, p=page)


def log(*lines: str) -> str:
    """The lines as a log."""
    return "".join(f"{line}\n" for line in lines)


def bought(visitor: str, clock: str, order: str, value: str, *, day: str = DAY, cur: str = "EUR", **more: Any) -> str:
    """The visitor buys something."""
    return hit(visitor, "purchase", clock, day=day, oid=order, value=value, cur=cur, **more)


def refunded(order: str, clock: str, *, day: str = DAY, **more: Any) -> str:
    """An order is given back, by whoever keeps the shop."""
    return hit("clerk", "refund", clock, day=day, oid=order, **more)


# -- rows of events --------------------------------------------------------------------------------------------------


def purchase(
    clock: str | int, order_id: str | None = None, value: float | None = None, *products: Mapping[str, Any], **more: Any
) -> Row:
    """Ann buys something, unless another visitor does."""
    row = {"time": at(clock), "event": "purchase", "visitor": "v:ann", "order_id": order_id, "value": value}
    return {**row, "products": list(products) or None, **more}


def refund(
    clock: str | int, order_id: str | None = None, value: float | None = None, *products: Mapping[str, Any], **more: Any
) -> Row:
    """An order is given back."""
    return purchase(clock, order_id, value, *products, **{"event": "refund", **more})


def events(*rows: Row, keep_duplicates: bool = False) -> pl.LazyFrame:
    """EVENTS with the `hit` that the pipeline gives them, and their `site`.

    The request is all that a row says, but for its key.
    """
    asked = [row if "query" in row else {**row, "query": _said(row)} for row in rows]
    frame = pl.LazyFrame(asked, schema=EVENTS)
    is_purchase = pl.col("event") == "purchase"
    whole = frame.with_columns(
        order=pl.when(is_purchase).then("order_id"), order_host=pl.when(is_purchase).then("host")
    )
    hits = number_rows(whole) if keep_duplicates else number_hits(hash_requests(whole))
    return hits.select(*EVENTS.names(), site=name_site(pl.col("host"), ())).collect().lazy()


def _said(row: Row) -> str:
    return repr(
        sorted(((name, value) for name, value in row.items() if value is not None and name != "dedup_key"), key=str)
    )


def distinct_events(rows: Iterable[Mapping[str, Any]], schema: Mapping[str, pl.DataType] = EVENTS) -> pl.LazyFrame:
    """EVENTS of which no two are one hit."""
    return number_rows(pl.LazyFrame(list(rows), schema=schema))

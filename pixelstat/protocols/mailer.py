"""The opens, clicks, web views and unsubscribes of mailers: which addresses are theirs, and what stands in them.

An address tells the mailing, who got it and where its link led in parts of its path, in parameters, or in a part
that is itself a text to be opened. What it does not tell is null: some senders encrypt everything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pixelstat.frames.query_string import percent_decode_path
from pixelstat.protocols.base import PixelProtocol, PixelSample
from pixelstat.protocols.payloads import MAX_PAYLOAD_LENGTH
from pixelstat.protocols.table import first_matching, pixel_table

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HEX = "[0-9a-f]"
BASE64 = "[A-Za-z0-9_-]+=*"
ADDRESS_COLUMNS = (
    "campaign",
    "recipient",
    "link",
    "message",
    "visitor_id",
    "user_id",
)  # the columns that an address can feed
PATH_PARTS = (*ADDRESS_COLUMNS, "data")  # what a part of a path can be; `data` is a text that holds others


@dataclass(frozen=True)
class Address:
    """One kind of address, and the event that asking for it is."""

    event: str
    path: str  # a regular expression that matches the end of the path; its groups feed the columns of their names
    asks: pl.Expr = field(default_factory=lambda: pl.lit(value=True))  # and what its query must hold

    @property
    def claims(self) -> pl.Expr:
        return pl.col("path").str.contains(f"(?:{self.path})$") & self.asks

    @property
    def groups(self) -> list[str]:
        return [name for name in PATH_PARTS if f"(?P<{name}>" in self.path]


def mailer_table(
    name: str,
    about: str,
    *addresses: Address,
    marker: str,
    samples: Sequence[PixelSample],
    names: Mapping[str, Sequence[str]] | None = None,
    opened: Callable[[str], Mapping[str, object]] | None = None,
    fill: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda events: events,
    known_by: Sequence[str] = ("recipient",),
    must_be_named: bool = False,
) -> PixelProtocol:
    """A mailer by its addresses. `names` are its parameters, as in `vendor`.

    `opened` tells how to open the text `data`: text -> columns. It may raise ValueError. Who has no other name is
    known by the first of the columns `known_by`: by the message, where each of them goes to one only.
    """
    names = names or {}

    def told(events: pl.LazyFrame) -> pl.LazyFrame:
        parts = {}
        for carried in PATH_PARTS:
            found = [
                pl.when(address.claims).then(_part(address.path, carried))
                for address in addresses
                if carried in address.groups
            ]
            if found:
                parts[carried] = pl.coalesce(*found, *([carried] if carried in (*ADDRESS_COLUMNS, *names) else []))
        events = events.with_columns(**parts)
        for carried in parts:
            events = percent_decode_path(events, carried)
        if opened:
            events = _opened(events, opened)
        return fill(events).with_columns(anonymous_user="user_id", anonymous_recipient=pl.coalesce(*known_by))

    return pixel_table(
        name,
        about,
        marker=marker,
        paths="|".join(f"(?:{_unnamed(address.path)})$" for address in addresses),
        claims=pl.any_horizontal(address.claims for address in addresses),
        names=names,
        event=first_matching(*((address.claims, address.event) for address in addresses)),
        samples=samples,
        fill=told,
        is_mailers=True,
        one_each="message" in known_by,
        must_be_named=must_be_named,
    )


def parse_sent_time(time: pl.Expr) -> pl.Expr:
    """The time of sending out of seconds since 1970; null for what can be none."""
    seconds = time.cast(pl.Float64, strict=False)
    likely = seconds.is_between(946_684_800, 4_102_444_800)  # 2000 to 2100
    return (pl.when(likely).then(seconds) * 1_000_000).round().cast(pl.Int64).cast(pl.Datetime("us", "UTC"))


def _unnamed(pattern: str) -> str:
    """A pattern without the names of its groups, so that several can stand in one."""
    for name in PATH_PARTS:
        pattern = pattern.replace(f"(?P<{name}>", "(?:")
    return pattern


def _part(pattern: str, name: str) -> pl.Expr:
    """The part of the path that the group of this name matches."""
    wanted = pattern.replace(f"(?P<{name}>", "(")
    return pl.col("path").str.extract(f"(?:{_unnamed(wanted)})$")


def _opened(events: pl.LazyFrame, read: Callable[[str], Mapping[str, object]]) -> pl.LazyFrame:
    """Events with what their texts `data` hold in the columns of its names. One that cannot be read tells nothing."""
    held = pl.Struct(dict.fromkeys(ADDRESS_COLUMNS, pl.String()))

    def batch(texts: pl.Series) -> pl.Series:
        return pl.Series(texts.name, [_read(text, read) for text in texts.to_list()], dtype=held)

    found = pl.col("held").struct
    events = events.with_columns(held=pl.col("data").map_batches(batch, return_dtype=held))
    unread = pl.col("data").is_not_null() & pl.col("held").is_null()
    return events.with_columns(
        *(pl.coalesce(found.field(name), name).alias(name) for name in ADDRESS_COLUMNS),
        flaw=pl.when(unread).then(pl.lit("payload")).otherwise("flaw"),
    )


def _read(text: str | None, read: Callable[[str], Mapping[str, object]]) -> dict[str, str] | None:
    if not text or len(text) > MAX_PAYLOAD_LENGTH:
        return None
    try:
        found = read(text)
    except (ValueError, RecursionError):
        return None
    return {
        name: str(value).encode(errors="replace").decode()
        for name, value in found.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    }

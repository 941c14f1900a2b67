"""The opens, clicks, web views and unsubscribes of mailers: which addresses are theirs, and what stands in them.

An address tells the mailing, who got it and where its link led in parts of its path, in parameters, or in a part
that is itself a text to be opened. What it does not tell is null: some senders encrypt everything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pixelstat.protocols import PixelProtocol, PixelSample
from pixelstat.protocols.parameters import decoded_path
from pixelstat.protocols.vendors import first_of, vendor

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HEX = "[0-9a-f]"
BASE64 = "[A-Za-z0-9_-]+=*"
CARRIED = ("campaign", "recipient", "link", "message", "visitor_id", "user_id", "sent")  # what a part of a path can be


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
        return [name for name in CARRIED if f"(?P<{name}>" in self.path]


def mailer(
    name: str,
    about: str,
    *addresses: Address,
    marker: str,
    samples: Sequence[PixelSample],
    names: Mapping[str, Sequence[str]] | None = None,
    payload: str = "",
    opened: Mapping[str, Callable[[str], Mapping[str, str]]] | None = None,
    fill: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda events: events,
    must_be_named: bool = False,
) -> PixelProtocol:
    """A mailer by its addresses. `names` are its parameters, as in `vendor`.

    `opened` tells how to open the text of a column that holds others: text -> columns. It may raise ValueError.
    """

    def told(events: pl.LazyFrame) -> pl.LazyFrame:
        parts = {}
        for carried in CARRIED:
            found = [
                pl.when(address.claims).then(_part(address.path, carried))
                for address in addresses
                if carried in address.groups
            ]
            if found:
                parts[carried] = pl.coalesce(*found, *([carried] if carried != "sent" else []))
        events = events.with_columns(**parts)
        for carried in parts:
            events = decoded_path(events, carried)
        for column, read in (opened or {}).items():
            events = _opened(events, column, read)
        # Who has no other name is known by the address of the mail.
        return fill(events).with_columns(anonymous_user="user_id", anonymous_recipient="recipient")

    return vendor(
        name,
        about,
        marker=marker,
        paths="|".join(f"(?:{_unnamed(address.path)})$" for address in addresses),
        claims=pl.any_horizontal(address.claims for address in addresses),
        names=names or {},
        event=first_of(*((address.claims, address.event) for address in addresses)),
        samples=samples,
        payload=payload,
        fill=told,
        must_be_named=must_be_named,
    )


def _unnamed(pattern: str) -> str:
    """A pattern without the names of its groups, so that several can stand in one."""
    for name in CARRIED:
        pattern = pattern.replace(f"(?P<{name}>", "(?:")
    return pattern


def _part(pattern: str, name: str) -> pl.Expr:
    """The part of the path that the group of this name matches."""
    wanted = pattern.replace(f"(?P<{name}>", "(")
    return pl.col("path").str.extract(f"(?:{_unnamed(wanted)})$")


def _opened(events: pl.LazyFrame, column: str, read: Callable[[str], Mapping[str, str]]) -> pl.LazyFrame:
    """Events with what the texts of a column hold, in the columns of its names; one that cannot be read stays."""

    def batch(texts: pl.Series) -> pl.Series:
        return pl.Series(texts.name, [_read(text, read) for text in texts.to_list()], dtype=held)

    names = [name for name in CARRIED if name != "sent"]
    held = pl.Struct(dict.fromkeys(names, pl.String()))
    found = pl.col("held").struct
    return events.with_columns(held=pl.col(column).map_batches(batch, return_dtype=held)).with_columns(
        pl.when(pl.col("held").is_not_null()).then(found.field(name)).otherwise(name).alias(name) for name in names
    )


def _read(text: str | None, read: Callable[[str], Mapping[str, str]]) -> dict[str, str | None] | None:
    try:
        return dict(read(text)) if text else None
    except ValueError:
        return None

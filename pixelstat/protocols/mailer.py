"""Build the protocol of a mailer: the endpoints of its opens, clicks, web views and unsubscribes.

The address of a request holds the mailing, the recipient and the target of the link. They are parts of the path,
parameters, or an encoded text (`data`) that holds several of them. What an address does not hold is null: some
senders encrypt everything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.query_string import percent_decode_path
from pixelstat.protocols.base import PixelProtocol, PixelSample
from pixelstat.protocols.payloads import MAX_PAYLOAD_LENGTH
from pixelstat.protocols.table import build_pixel, first_matching

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HEX = "[0-9a-f]"
# The columns that an address can feed.
ADDRESS_COLUMNS = ("campaign", "recipient", "link", "message", "visitor_id", "user_id")
PATH_PARTS = (*ADDRESS_COLUMNS, "data")  # what a part of a path can be; `data` is an encoded text that holds others
DECODED = pl.Struct(dict.fromkeys(ADDRESS_COLUMNS, pl.String()))

Decoder = Callable[[str], Mapping[str, object]]


@dataclass(frozen=True)
class Endpoint:
    """One kind of address of a mailer, and the event that a request for it means."""

    event: str
    path: str  # a regular expression that matches the end of the path; its groups feed the columns of their names
    query_condition: pl.Expr = field(default_factory=lambda: pl.lit(value=True))  # what must hold for its query

    @property
    def claims(self) -> pl.Expr:
        """Return whether a request is for this endpoint."""
        return pl.col("path").str.contains(f"(?:{self.path})$") & self.query_condition

    @property
    def groups(self) -> list[str]:
        """Return the names of the groups in the path."""
        return [name for name in PATH_PARTS if f"(?P<{name}>" in self.path]


def build_mailer(
    name: str,
    about: str,
    *endpoints: Endpoint,
    marker: str,
    samples: Sequence[PixelSample],
    names: Mapping[str, Sequence[str]] | None = None,
    decode_data: Decoder | None = None,
    finish: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda events: events,
    identified_by: Sequence[str] = ("recipient",),
    is_opt_in: bool = False,
) -> PixelProtocol:
    """Build the protocol of a mailer from its endpoints.

    Args:
        name, about, marker, samples, is_opt_in: see build_pixel.
        endpoints: the kinds of its addresses. The first that matches a request determines the event.
        names: column -> the parameters that feed it, as in build_pixel.
        decode_data: decodes the text `data` into columns. It may raise ValueError.
        finish: a function that sets what the endpoints cannot express.
        identified_by: columns that identify the recipient, first match wins. A mailer that sends each message to one
            person lists `message`.
    """
    names = names or {}

    def complete(events: pl.LazyFrame) -> pl.LazyFrame:
        events = _extract_path_parts(events, endpoints, names)
        if decode_data:
            events = _decode_data(events, decode_data)
        return finish(events).with_columns(anonymous_user="user_id", anonymous_recipient=pl.coalesce(*identified_by))

    return build_pixel(
        name,
        about,
        marker=marker,
        paths="|".join(f"(?:{_without_group_names(endpoint.path)})$" for endpoint in endpoints),
        claims=pl.any_horizontal(endpoint.claims for endpoint in endpoints),
        names=names,
        event=first_matching(*((endpoint.claims, endpoint.event) for endpoint in endpoints)),
        samples=samples,
        finish=complete,
        is_mailer=True,
        is_per_recipient="message" in identified_by,
        is_opt_in=is_opt_in,
    )


def parse_sent_time(time: pl.Expr) -> pl.Expr:
    """Parse a text of seconds since 1970 as the time of sending, UTC. Null for a text outside 2000 to 2100."""
    seconds = time.cast(pl.Float64, strict=False)
    is_plausible = seconds.is_between(946_684_800, 4_102_444_800)
    return (pl.when(is_plausible).then(seconds) * 1_000_000).round().cast(pl.Int64).cast(pl.Datetime("us", "UTC"))


def _extract_path_parts(
    events: pl.LazyFrame, endpoints: Sequence[Endpoint], names: Mapping[str, Sequence[str]]
) -> pl.LazyFrame:
    """Set a column for each group that occurs in a path. A part of the path outranks a parameter."""
    parts = {}
    for column in PATH_PARTS:
        extracted = [
            pl.when(endpoint.claims).then(_path_part(endpoint.path, column))
            for endpoint in endpoints
            if column in endpoint.groups
        ]
        if extracted:
            parts[column] = pl.coalesce(*extracted, *([column] if column in (*ADDRESS_COLUMNS, *names) else []))
    events = events.with_columns(**parts)
    for column in parts:
        events = percent_decode_path(events, column)
    return events


def _without_group_names(pattern: str) -> str:
    """Remove the names of the groups, so that one pattern can join several."""
    for name in PATH_PARTS:
        pattern = pattern.replace(f"(?P<{name}>", "(?:")
    return pattern


def _path_part(pattern: str, name: str) -> pl.Expr:
    """Return the part of the path that the group of this name matches."""
    only_group = pattern.replace(f"(?P<{name}>", "(")
    return pl.col("path").str.extract(f"(?:{_without_group_names(only_group)})$")


def _decode_data(events: pl.LazyFrame, decoder: Decoder) -> pl.LazyFrame:
    """Fill the columns of events with what their text `data` holds.

    A text that cannot be decoded leaves them as they are and sets the parse_issue `payload`.
    """
    decoded = internal("decoded")
    fields = pl.col(decoded).struct
    batch = partial(_decode_texts, decoder)
    events = events.with_columns(pl.col("data").map_batches(batch, return_dtype=DECODED).alias(decoded))
    is_undecoded = pl.col("data").is_not_null() & pl.col(decoded).is_null()
    return events.with_columns(
        *(pl.coalesce(fields.field(name), name).alias(name) for name in ADDRESS_COLUMNS),
        parse_issue=pl.when(is_undecoded).then(pl.lit("payload")).otherwise("parse_issue"),
    )


def _decode_texts(decoder: Decoder, texts: pl.Series) -> pl.Series:
    return pl.Series(texts.name, [_decode_text(text, decoder) for text in texts.to_list()], dtype=DECODED)


def _decode_text(text: str | None, decoder: Decoder) -> dict[str, str] | None:
    """Return what the text holds: texts and numbers, as text. None for a text that cannot be decoded."""
    if not text or len(text) > MAX_PAYLOAD_LENGTH:
        return None
    try:
        values = decoder(text)
    except (ValueError, RecursionError):
        return None
    return {
        name: str(value).encode(errors="replace").decode()
        for name, value in values.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    }

"""Where people are, by their addresses, out of databases that --geo names: each distinct client looked up once.

A database is MaxMind's kind of file (.mmdb), of countries, cities or networks, laid out as GeoLite2 and DB-IP are, or
flat as IPinfo Lite is. What one does not tell of an address the next may.

A place is an address's, not a person's: behind a mail's image proxy or a mobile network it may be far away.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import islice
from operator import or_
from typing import TYPE_CHECKING, Any

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.frames.lookup import map_distinct
from pixelstat.text.addresses import parse_address

if TYPE_CHECKING:
    from maxminddb import Reader

# Column: where its value may stand in a record.
# https://dev.maxmind.com/geoip/docs/databases/city-and-country, https://dev.maxmind.com/geoip/docs/databases/asn,
# https://ipinfo.io/developers/ipinfo-lite-database
FIELDS: dict[str, tuple[tuple[str | int, ...], ...]] = {
    "country": (("country", "iso_code"), ("country_code",)),
    "region": (("subdivisions", 0, "names", "en"),),
    "city": (("city", "names", "en"),),
    "asn": (("autonomous_system_number",), ("asn",)),
    "network": (("autonomous_system_organization",), ("as_name",)),
}
PLACES = pl.Struct(dict.fromkeys(FIELDS, pl.String()))
FIRST = 100  # records that tell what a database is about
BROKEN = (LookupError, RuntimeError, TypeError, ValueError)  # what reading a file fails with that says anything


class Database:
    """An open database of places or networks."""

    def __init__(self, name: str) -> None:
        """Raises PixelstatError for a file that cannot be read or is about something else."""
        try:
            import maxminddb
        except ImportError as error:
            raise PixelstatError(
                "--geo needs the package maxminddb, which is not installed.", "pip install 'pixelstat[geo]'"
            ) from error
        self.name = name
        try:
            # The reader in Python, as the one in C may crash where a file is broken; that one is five times as fast.
            with maxminddb.open_database(name, maxminddb.MODE_MMAP) as reader:
                first = [record for _, record in islice(reader, FIRST)]
            self.reader: Reader = maxminddb.open_database(name)
        except (OSError, *BROKEN) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no MaxMind database, or a broken one"
            raise PixelstatError(f"--geo: {name!r} cannot be read: {reason}.", "Name a .mmdb file.") from error
        if not any(place(record) for record in first):
            raise PixelstatError(
                f"--geo: {name!r} ({self.reader.metadata().database_type}) tells neither places nor networks.",
                "Name a database of countries, cities or networks (ASN).",
            )

    def place(self, client: str) -> dict[str, str]:
        """What is known of a client's address; nothing of a host name. Raises PixelstatError for a broken record."""
        found = parse_address(client)
        if found is None or found.version > self.reader.metadata().ip_version == 4:
            return {}
        try:
            return place(self.reader.get(found))
        except BROKEN as error:
            raise PixelstatError(
                f"--geo: {self.name!r} is broken: what it says of {found} cannot be read.", "Download it again."
            ) from error


def place(record: Any) -> dict[str, str]:
    """The columns that a record fills, each by the first of its paths that leads to a text or a number."""
    found: dict[str, str] = {}
    for column, paths in FIELDS.items():
        for value in filter(None, (_at(record, path) for path in paths)):
            if column not in found and isinstance(value, str | int):
                found[column] = str(value)
    if "asn" in found:
        found["asn"] = f"AS{found['asn'].removeprefix('AS')}"  # IPinfo's has it already
    return found


def _at(record: Any, path: Sequence[str | int]) -> Any:
    for key in path:
        try:
            record = record[key]
        except (KeyError, IndexError, TypeError):  # absent, or laid out otherwise
            return None
    return record


def with_places(events: pl.LazyFrame, databases: Sequence[Database]) -> pl.LazyFrame:
    """EVENTS with `country`, `region`, `city`, `asn`, `network`: null where no database tells or a row is set aside."""
    if not databases:
        return events.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in FIELDS)

    def places(clients: pl.Series) -> pl.Series:
        found = [reduce(or_, (one.place(client) for one in reversed(databases))) for client in clients.to_list()]
        return pl.Series(found, dtype=PLACES)

    client = pl.when(pl.col("rejected").is_null()).then("client")
    named = map_distinct(events.with_columns(client.alias("own client")), "own client", places, "own place", PLACES)
    return named.with_columns(pl.col("own place").struct.unnest()).drop("own client", "own place")

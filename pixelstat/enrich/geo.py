"""Add places and networks to events, by the client's address, from the databases of --geo.

Each distinct client is looked up once.

A database is a MaxMind file (.mmdb) of countries, cities or networks, with the layout of GeoLite2 and DB-IP or the flat
one of IPinfo Lite. A column that the first database does not fill is taken from the next one.

The place belongs to the address, not to the person: behind the image proxy of an email service or in a mobile network
the person may be far away.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import islice
from operator import or_
from typing import TYPE_CHECKING, Any

import polars as pl

from pixelstat.errors import PixelstatError, unreadable_file
from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import map_distinct
from pixelstat.text.addresses import parse_address

if TYPE_CHECKING:
    from maxminddb import Reader

# Column -> the paths at which a record may hold its value.
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
SAMPLE_SIZE = 100  # records that show what a database is about
READ_ERRORS = (
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)  # what maxminddb raises for a broken file, which may say anything


class Database:
    """An open database of places or networks."""

    def __init__(self, name: str) -> None:
        """Open the file. Raises PixelstatError for a file that cannot be read or is about something else."""
        try:
            import maxminddb
        except ImportError as error:
            raise PixelstatError(
                "--geo needs the package maxminddb, which is not installed.", "Try: pip install 'pixelstat[geo]'"
            ) from error
        self.name = name
        try:
            # Check with the reader in Python, because the one in C may crash on a broken file. The latter is five times
            # as fast.
            with maxminddb.open_database(name, maxminddb.MODE_MMAP) as reader:
                sample = [record for _, record in islice(reader, SAMPLE_SIZE)]
            self.reader: Reader = maxminddb.open_database(name)
        except (OSError, *READ_ERRORS) as error:
            otherwise = "it is not a MaxMind database, or it is damaged"
            raise unreadable_file(f"--geo: {name!r}", error, "Name a .mmdb file.", otherwise) from error
        if not any(read_place(record) for record in sample):
            raise PixelstatError(
                f"--geo: {name!r} ({self.reader.metadata().database_type}) contains neither places nor networks.",
                "Name a database of countries, cities or networks (ASN).",
            )

    def locate(self, client: str) -> dict[str, str]:
        """Return the columns of a client's address, none for a host name. Raises PixelstatError for a broken record."""
        address = parse_address(client)
        if address is None or address.version > self.reader.metadata().ip_version == 4:
            return {}
        try:
            return read_place(self.reader.get(address))
        except READ_ERRORS as error:
            raise PixelstatError(
                f"--geo: {self.name!r} is damaged: its record of {address} cannot be read.", "Download it again."
            ) from error


def read_place(record: Any) -> dict[str, str]:
    """Return the columns that a record fills, each from the first of its paths that leads to a text or a number."""
    place: dict[str, str] = {}
    for column, paths in FIELDS.items():
        for value in filter(None, (_value_at(record, path) for path in paths)):
            if column not in place and isinstance(value, str | int):
                place[column] = str(value)
    if "asn" in place:
        place["asn"] = f"AS{place['asn'].removeprefix('AS')}"  # IPinfo writes the prefix, the others do not
    return place


def _value_at(record: Any, path: Sequence[str | int]) -> Any:
    for key in path:
        try:
            record = record[key]
        except (KeyError, IndexError, TypeError):  # absent, or another layout
            return None
    return record


def add_places(events: pl.LazyFrame, databases: Sequence[Database]) -> pl.LazyFrame:
    """Add `country`, `region`, `city`, `asn`, `network` to EVENTS; null if no database knows, and for rejected rows."""
    if not databases:
        return events.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in FIELDS)

    def places(clients: pl.Series) -> pl.Series:
        rows = [
            reduce(or_, (database.locate(client) for database in reversed(databases))) for client in clients.to_list()
        ]
        return pl.Series(rows, dtype=PLACES)

    client, place = internal("client"), internal("place")
    accepted = pl.when(pl.col("rejected").is_null()).then("client")
    located = map_distinct(events.with_columns(accepted.alias(client)), client, places, place, PLACES)
    return located.with_columns(pl.col(place).struct.unnest()).drop(client, place)

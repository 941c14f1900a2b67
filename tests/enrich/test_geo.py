"""--geo: country, region, city and network of an address, from databases that are made here."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import netaddr
import polars as pl
import pytest
from mmdb_writer import MMDBWriter

from pixelstat.enrich.geo import FIELDS, Database, add_places, read_place
from pixelstat.errors import PixelstatError
from pixelstat.schemas import EVENTS
from tests.builders import log, request
from tests.run import ENVIRONMENT, run_in_process

BERLIN = {
    "country": {"iso_code": "DE", "names": {"de": "Deutschland", "en": "Germany"}},
    "registered_country": {"iso_code": "US"},
    "subdivisions": [{"iso_code": "BE", "names": {"en": "State of Berlin"}}, {"names": {"en": "Mitte"}}],
    "city": {"names": {"de": "Berlin", "en": "Berlin"}},
}
LYON = {"country": {"iso_code": "FR"}, "subdivisions": [{"names": {"en": "Rhône"}}], "city": {"names": {"en": "Lyon"}}}
NOWHERE = {"registered_country": {"iso_code": "NL"}, "continent": {"code": "EU"}}
EXAMPLE_NET = {"autonomous_system_number": 64_500, "autonomous_system_organization": "Example Net"}
FLAT = {"country": "Austria", "country_code": "AT", "continent": "Europe", "asn": "AS64501", "as_name": "Flat Net"}


def database(path: Path, records: dict[str, Any], kind: str = "GeoLite2-City", version: int = 6) -> str:
    """A database of these networks and their records."""
    made = MMDBWriter(version, kind, ipv4_compatible=version == 6)
    for network, record in records.items():
        made.insert_network(netaddr.IPSet([network]), record)
    made.to_db_file(str(path))
    return str(path)


@pytest.fixture
def cities(tmp_path: Path) -> str:
    return database(
        tmp_path / "city.mmdb",
        {"203.0.113.0/24": BERLIN, "2001:db8:1::/48": LYON, "198.51.100.0/24": NOWHERE, "fe80::/64": LYON},
    )


@pytest.fixture
def networks(tmp_path: Path) -> str:
    return database(tmp_path / "asn.mmdb", {"203.0.113.0/25": EXAMPLE_NET}, "GeoLite2-ASN", 4)


def places_of(clients: list[str | None], *databases: str, rejected: str | None = None) -> list[tuple[str | None, ...]]:
    """What the databases tell of each client."""
    rows = pl.LazyFrame({"client": clients}, {"client": pl.String}).with_columns(
        rejected=pl.lit(rejected, EVENTS["rejected"])
    )
    return add_places(rows, [Database(name) for name in databases]).select(*FIELDS).collect().rows()


IN_BERLIN = ("DE", "State of Berlin", "Berlin", None, None)
IN_LYON = ("FR", "Rhône", "Lyon", None, None)
UNKNOWN = (None,) * 5


@pytest.mark.parametrize(
    ("client", "known"),
    [
        ("203.0.113.7", IN_BERLIN),
        (" 203.0.113.7 ", IN_BERLIN),
        ("203.0.113.7:5678", IN_BERLIN),
        ("::ffff:203.0.113.7", IN_BERLIN),
        ("::FFFF:CB00:7107", IN_BERLIN),
        ("[::ffff:203.0.113.7]:80", IN_BERLIN),
        ("2001:db8:1::1", IN_LYON),
        ("2001:DB8:1:0:0:0:0:1", IN_LYON),
        ("[2001:db8:1::1]", IN_LYON),
        ("[2001:db8:1::1]:443", IN_LYON),
        ("fe80::1%eth0", IN_LYON),
        ("198.51.100.1", UNKNOWN),  # where a network is registered is not where it is used
        ("192.0.2.1", UNKNOWN),
        ("10.0.0.1", UNKNOWN),
        ("127.0.0.1", UNKNOWN),
        ("::1", UNKNOWN),
        ("2001:db8:2::1", UNKNOWN),
        ("203.0.113", UNKNOWN),
        ("203.0.113.7.example", UNKNOWN),
        ("crawl.example", UNKNOWN),
        ("unix:", UNKNOWN),
        ("-", UNKNOWN),
        ("", UNKNOWN),
        (None, UNKNOWN),
        ("\x00\ufffd[", UNKNOWN),
        pytest.param("9" * 1_000_000, UNKNOWN, id="a million nines"),
        pytest.param(":" * 1_000_000, UNKNOWN, id="a million colons"),
    ],
)
def test_a_client_is_found_however_its_address_is_written(client: str | None, known: tuple[str], cities: str) -> None:
    assert places_of([client], cities) == [known]


def test_a_database_of_cities_and_one_of_networks_complete_each_other(cities: str, networks: str) -> None:
    for given in ([cities, networks], [networks, cities]):
        assert places_of(["203.0.113.7", "203.0.113.200", "2001:db8:1::1"], *given) == [
            ("DE", "State of Berlin", "Berlin", "AS64500", "Example Net"),
            IN_BERLIN,
            IN_LYON,  # of which the one of networks, with IPv4 alone, has no idea
        ]


def test_the_first_of_two_databases_with_an_address_is_used(cities: str, tmp_path: Path) -> None:
    other = database(tmp_path / "other.mmdb", {"203.0.113.0/24": {"country": {"iso_code": "PL"}}}, "GeoLite2-Country")
    assert places_of(["203.0.113.7"], cities, other) == [IN_BERLIN]
    assert places_of(["203.0.113.7"], other, cities) == [("PL", *IN_BERLIN[1:])]


def test_a_flat_database_gives_country_and_network(tmp_path: Path) -> None:
    flat = database(tmp_path / "lite.mmdb", {"203.0.113.0/24": FLAT}, "ipinfo bundle_lite.mmdb")
    assert places_of(["203.0.113.7"], flat) == [("AT", None, None, "AS64501", "Flat Net")]


@pytest.mark.parametrize(
    "record",
    [None, "DE", 7, [], {}, {"country": "DE"}, {"country": {"iso_code": {}}}, {"subdivisions": []}, {"subdivisions": {}},
     {"city": {"names": ["Berlin"]}}, {"city": {"names": {"en": ""}}}, {"asn": []}],
)  # fmt: skip
def test_a_record_of_another_shape_gives_nothing(record: object) -> None:
    assert read_place(record) == {}


def test_each_distinct_address_is_looked_up_once(cities: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    whole = Database.locate

    def spy(self: Database, client: str) -> dict[str, str]:
        asked.append(client)
        return whole(self, client)

    monkeypatch.setattr(Database, "locate", spy)
    assert places_of(["203.0.113.7", "2001:db8:1::1", None, "203.0.113.7"] * 50_000, cities)[-2:] == [
        UNKNOWN,
        IN_BERLIN,
    ]
    assert sorted(asked) == ["2001:db8:1::1", "203.0.113.7"]
    assert places_of(["203.0.113.7"], cities, rejected="bot") == [UNKNOWN]
    assert len(asked) == 2  # what is set aside is not looked up


def test_geo_columns_are_null_without_a_database(cities: str) -> None:
    assert places_of(["203.0.113.7"]) == [UNKNOWN]
    assert places_of([], cities) == []


# -- files that are no such database -------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xff" * 99])
def test_a_file_that_is_not_a_database_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "no.mmdb").write_bytes(content)
    with pytest.raises(PixelstatError, match=r"^--geo: '.*no\.mmdb' cannot be read: it is not a MaxMind database"):
        Database(str(tmp_path / "no.mmdb"))


@pytest.mark.slow
def test_a_file_that_is_cut_or_spoiled_at_any_place_is_an_error_or_still_read(cities: str) -> None:
    content = Path(cities).read_bytes()
    errors = 0
    for at in range(0, len(content), 7):
        for spoiled in (content[:at], content[:at] + b"\xff\xff\xff" + content[at + 3 :]):
            Path(cities).write_bytes(spoiled)
            try:
                Database(cities)
            except PixelstatError:
                errors += 1
    assert errors > len(content) / 7  # each that is cut, to begin with


def test_a_database_of_something_else_is_an_error(tmp_path: Path) -> None:
    other = database(tmp_path / "anonymous.mmdb", {"203.0.113.0/24": {"is_anonymous": True}}, "GeoIP2-Anonymous-IP")
    with pytest.raises(PixelstatError, match=r"\(GeoIP2-Anonymous-IP\) contains neither places nor networks"):
        Database(other)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.mmdb", "No such file or directory"), (".", "Is a directory"), ("", "No such file")],
)
def test_a_missing_database_is_an_error(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    finished = run_in_process(tmp_path, "views", "access.log", "--geo", name)
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr.startswith(f"Error: --geo: {name!r} cannot be read: {reason}")
    assert finished.stderr.endswith("\n\nName a .mmdb file.\n")


@pytest.mark.slow
def test_a_broken_record_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    records = {f"10.0.{number}.0/24": {"country": {"iso_code": "DE"}} for number in range(101)}
    path = Path(database(tmp_path / "city.mmdb", {**records, "203.0.113.0/24": {"country": {"iso_code": "ZYXW"}}}))
    path.write_bytes(path.read_bytes().replace(b"ZYXW", b"\xff\xff\xff\xff"))
    (tmp_path / "access.log").write_text(STORY)
    finished = run_in_process(tmp_path, "views", "access.log", "--geo", "city.mmdb", "--where", "country = 'DE'")
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr == (
        "Error: --geo: 'city.mmdb' is damaged: its record of 203.0.113.7 cannot be read.\n\nDownload it again.\n"
    )
    assert run_in_process(tmp_path, "views", "access.log", "--geo", "city.mmdb").exit == 0  # nobody asks for a place


@pytest.mark.slow
def test_without_the_package_the_error_says_how_to_get_it(cities: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    without = "import sys; sys.modules['maxminddb'] = None; from pixelstat.cli.main import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", without, "views", "access.log", "--geo", cities],
        cwd=tmp_path, capture_output=True, env=ENVIRONMENT, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "Error: --geo needs the package maxminddb, which is not installed.\n\nTry: pip install 'pixelstat[geo]'\n"
    )


# -- the whole program ---------------------------------------------------------------------------------------------

STORY = log(
    request("/pixel.gif?e=pv&v=ann&p=/", "10:00", client="203.0.113.7"),
    request("/pixel.gif?e=pv&v=ann&p=/cart", "10:01", client="203.0.113.7"),
    request("/pixel.gif?e=pv&v=cy&p=/", "10:02", client="2001:db8:1::1"),
    request("/pixel.gif?e=pv&v=di&p=/", "10:03", client="198.51.100.1"),
)


def test_a_condition_may_name_geo_columns(cities: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    finished = run_in_process(
        tmp_path, "views", "access.log", "--geo", cities, "--where", "country = 'DE' or city = 'Lyon'"
    )
    assert finished.stdout == "page,views,visitors\n/,2,2\n/cart,1,1\n"
    assert finished.stderr.startswith("3 events from 4 lines; excluded: 1 not matching --where\n")


@pytest.mark.slow
def test_events_have_geo_columns_and_each_run_makes_them_again(cities: str, networks: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    both = ("--geo", cities, "--geo", networks, "-q", "-o", "events.parquet")
    assert run_in_process(tmp_path, "events", "access.log", "--reveal-ids", *both).exit == 0
    found = pl.read_parquet(tmp_path / "events.parquet")
    assert found["country"].to_list() == ["DE", "DE", "FR", None]
    assert found["asn"].to_list() == ["AS64500", "AS64500", None, None]
    run_in_process(tmp_path, "events", "events.parquet", "--reveal-ids", "-q", "-o", "again.parquet")
    assert pl.read_parquet(tmp_path / "again.parquet")["country"].to_list() == [None] * 4
    run_in_process(tmp_path, "events", "events.parquet", "--reveal-ids", *both[:-1], "again.parquet")
    assert pl.read_parquet(tmp_path / "again.parquet").equals(found)


@pytest.mark.slow
def test_the_client_that_a_trusted_proxy_names_is_looked_up(cities: str, tmp_path: Path) -> None:
    line = request("/pixel.gif?e=pv&v=ann&p=/", "10:00", client="10.0.0.1") + ' "203.0.113.7"'
    (tmp_path / "access.log").write_text(log(line))
    where = ("--geo", cities, "--where", "country = 'DE'", "-q")
    assert run_in_process(tmp_path, "views", "access.log", *where).stdout == "page,views,visitors\n"
    trusting = run_in_process(tmp_path, "views", "access.log", *where, "--trusted-proxy", "10.0.0.0/8")
    assert trusting.stdout == "page,views,visitors\n/,1,1\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("views", "--where", "value > 1 or country = 'DE'"),
        ("funnel", "--step", "country = 'DE'"),
        ("events", "--where", "country is null"),
    ],
    ids=" ".join,
)
def test_a_condition_on_a_geo_column_without_a_database_is_an_error(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    finished = run_in_process(tmp_path, *arguments, "access.log")
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr == (
        "Error: country needs --geo FILE, a MaxMind database.\n\nAdd: --geo GeoLite2-City.mmdb\n"
    )

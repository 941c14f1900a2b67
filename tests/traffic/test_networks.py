"""Lists of networks: those that ship are sound and can be refreshed, and custom ones are read or refused by their line."""

import json
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

from pixelstat.data import refresh_networks
from pixelstat.errors import PixelstatError
from pixelstat.traffic.networks import SHIPPED_FILE, build_name_lookup, load_shipped_networks, read_networks


def test_the_lists_that_ship_are_of_a_day_and_hold_each_address_once() -> None:
    day, named = load_shipped_networks()
    assert day.year >= 2026
    assert [(str(one), str(other)) for (one, _), (other, _) in combinations(named, 2)
            if one.version == other.version and one.overlaps(other)] == []  # fmt: skip
    assert {name for _, name in named} == {"microsoft", "barracuda", "google"}


def test_of_networks_in_each_other_the_smallest_names(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(
        "cidr,country,NAME\n10.0.0.0/8,x,outer\n10.1.0.0/16,x,inner\n2001:db8::/32,x,six\n"
    )
    name_of = build_name_lookup(read_networks(str(tmp_path / "own.csv")))
    addresses = ["10.2.0.1", "10.1.0.1", "11.0.0.1", "2001:db8::1", "2001:db9::1", "[2001:db8::1]:443", "", "host"]
    assert [name_of(text) for text in addresses] == ["outer", "inner", "", "six", "", "six", "", ""]


def test_a_file_without_a_header_is_read_by_its_first_fields(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("172.224.224.0/27,GB,GB-EN,London,\n2a02:26f7::/64,US,US-CA,,\n")
    assert [(str(network), name) for network, name in read_networks(str(tmp_path / "own.csv"))] == [
        ("172.224.224.0/27", "network"),
        ("2a02:26f7::/64", "network"),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"10.0.0.0/8\n\n10.0.0.0/99\n", "line 3: '10.0.0.0/99' is not an address or a network."),
        (b"network,place\n10.0.0.0/8,x\n", "line 1: 'network' is not an address or a network."),
        (b"network,name\nnetwork,name\n", "line 2: 'network' is not an address or a network."),
        (b"\xff\xfe", "cannot be read: it is not UTF-8 text."),
    ],
)
def test_a_line_that_is_not_a_network_is_named_by_its_number(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(PixelstatError) as caught:
        read_networks(str(tmp_path / "own.csv"))
    assert sentence in caught.value.sentence


def test_a_missing_file_of_networks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PixelstatError, match="cannot be read: No such file"):
        read_networks(str(tmp_path / "own.csv"))


PRESENT = """\
# Whose networks these are.
# And how they were found.

date = 2026-01-31

microsoft = [
    "40.92.0.0/15",
]
barracuda = [
    "209.222.82.0/24",
]
google = [
    "66.249.80.0/20",
]
"""
EXCHANGE = [
    {"id": 1, "serviceArea": "Exchange", "urls": ["outlook.office.com"], "ips": ["52.96.0.0/14"]},
    {"id": 8, "serviceArea": "Exchange", "urls": ["*.outlook.com"]},
    {"id": 10, "serviceArea": "Exchange", "ips": ["2a01:111:f403::/48", "104.47.0.0/17", "40.107.0.0/16"]},
    {"id": 9, "serviceArea": "Exchange", "ips": ["104.47.0.0/17", "52.238.78.88/32", "2a01:111:f403::/48"]},
    {"id": 31, "serviceArea": "SharePoint", "ips": ["13.107.136.0/22"]},
]
FETCHERS = {
    "creationTime": "2026-08-29T22:00:00.000000",
    "prefixes": [
        {"ipv6Prefix": "2001:4860:2008::/64"},
        {"ipv4Prefix": "66.249.93.0/27"},
        {"ipv4Prefix": "66.249.80.32/27"},
        {"ipv4Prefix": "66.249.80.0/27"},
    ],
}


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small networks.toml in place of the one that ships."""
    file = tmp_path / "networks.toml"
    file.write_text(PRESENT)
    monkeypatch.setattr(refresh_networks, "SHIPPED_FILE", file)
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for downloads."""
    (tmp_path / "downloads").mkdir()
    return tmp_path / "downloads"


def test_the_lists_are_made_anew_of_what_was_downloaded(lists: Path, folder: Path) -> None:
    (folder / "worldwide.json").write_text(json.dumps(EXCHANGE))
    (folder / "barracuda.txt").write_text("\ufeff35.176.92.96/27\r\n3.24.133.128/25\r\n\r\n", "utf-8")
    (folder / "user-triggered-fetchers-google.json").write_text(json.dumps(FETCHERS))
    refresh_networks.main(str(folder), "2026-09-30")
    assert (
        lists.read_text()
        == """\
# Whose networks these are.
# And how they were found.

date = 2026-09-30

microsoft = [
    "40.107.0.0/16", "52.238.78.88/32", "104.47.0.0/17",
    "2a01:111:f403::/48",
]
barracuda = [
    "3.24.133.128/25", "35.176.92.96/27",
]
google = [
    "66.249.80.0/26", "66.249.93.0/27",
    "2001:4860:2008::/64",
]
"""
    )
    assert sorted(path.name for path in lists.parent.iterdir()) == ["downloads", "networks.toml"]


def test_a_list_that_was_not_downloaded_stays(lists: Path, folder: Path) -> None:
    (folder / "barracuda.txt").write_text("3.24.133.128/25\n")
    refresh_networks.main(str(folder), "2026-09-30")
    assert lists.read_text() == PRESENT.replace("209.222.82.0/24", "3.24.133.128/25").replace("01-31", "09-30")


def test_the_lists_that_ship_are_laid_out_like_refreshed_ones() -> None:
    day, _ = load_shipped_networks()
    present = SHIPPED_FILE.read_text("utf-8")
    assert refresh_networks.replace_lists(present, {}, day) == present
    later = refresh_networks.replace_lists(present, {}, date(2030, 1, 2))
    assert later == present.replace(f"\ndate = {day}\n", "\ndate = 2030-01-02\n") != present


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("barracuda.txt", "", "barracuda.txt contains no networks."),
        ("barracuda.txt", "3.24.133.128/25\nmore to come", "barracuda.txt: 'more' is not a network."),
        ("barracuda.txt", "3.24.133.129/25", "barracuda.txt: '3.24.133.129/25' is not a network."),
        ("barracuda.txt", "0.0.0.0/0", "barracuda.txt: 0.0.0.0/0 is larger than a network of one service."),
        ("barracuda.txt", "2.0.0.0/7", "barracuda.txt: 2.0.0.0/7 is larger than a network of one service."),
        ("barracuda.txt", "2000::/19", "barracuda.txt: 2000::/19 is larger than a network of one service."),
        (
            "barracuda.txt",
            "40.0.0.0/8",
            "The lists of microsoft and barracuda share addresses: 40.92.0.0/15 and 40.0.0.0/8.",
        ),
        ("worldwide.json", "<html>", "worldwide.json does not have the structure of its source."),
        ("worldwide.json", json.dumps(EXCHANGE[:3]), "worldwide.json does not have the structure of its source."),
        ("worldwide.json", json.dumps({"ips": []}), "worldwide.json does not have the structure of its source."),
        ("user-triggered-fetchers-google.json", '{"prefixes": []}', "fetchers-google.json contains no networks."),
        ("user-triggered-fetchers-google.json", '{"prefixes": [{"ipv4Prefix": 5}]}', "'5' is not a network."),
        (
            "user-triggered-fetchers-google.json",
            '{"prefixes": ["1.2.3.0/24"]}',
            "does not have the structure of its source",
        ),
        ("goog.json", json.dumps(FETCHERS), "downloads contains none of the lists."),
    ],
)
def test_a_download_that_is_not_a_list_leaves_the_lists_as_they_were(
    lists: Path, folder: Path, file: str, content: str, sentence: str
) -> None:
    (folder / file).write_text(content)
    with pytest.raises(PixelstatError) as caught:
        refresh_networks.main(str(folder), "2026-09-30")
    assert sentence in caught.value.sentence
    assert lists.read_text() == PRESENT


def test_an_unreadable_list_and_an_invalid_day_are_errors(lists: Path, folder: Path) -> None:
    (folder / "barracuda.txt").mkdir()
    with pytest.raises(PixelstatError, match=r"barracuda\.txt cannot be read: Is a directory"):
        refresh_networks.main(str(folder), "2026-09-30")
    with pytest.raises(PixelstatError, match="'September' is not a date"):
        refresh_networks.main(str(folder), "September")
    assert lists.read_text() == PRESENT

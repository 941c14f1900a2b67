"""The lists of networks: those that ship are sound, one's own are read or told off by their line."""

from itertools import combinations
from pathlib import Path

import pytest

from pixelstat.errors import PixelstatError
from pixelstat.people import networks


def test_the_lists_that_ship_are_of_a_day_and_hold_each_address_once() -> None:
    day, named = networks.shipped()
    assert day.year >= 2026
    assert [(str(one), str(other)) for (one, _), (other, _) in combinations(named, 2)
            if one.version == other.version and one.overlaps(other)] == []  # fmt: skip
    assert {name for _, name in named} == {"microsoft", "barracuda", "google"}


def test_of_networks_in_each_other_the_smallest_names(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(
        "cidr,country,NAME\n10.0.0.0/8,x,outer\n10.1.0.0/16,x,inner\n2001:db8::/32,x,six\n"
    )
    name_of = networks.names(networks.read(str(tmp_path / "own.csv")))
    addresses = ["10.2.0.1", "10.1.0.1", "11.0.0.1", "2001:db8::1", "2001:db9::1", "[2001:db8::1]:443", "", "host"]
    assert [name_of(text) for text in addresses] == ["outer", "inner", "", "six", "", "six", "", ""]


def test_a_file_without_a_header_is_read_by_its_first_fields(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("172.224.224.0/27,GB,GB-EN,London,\n2a02:26f7::/64,US,US-CA,,\n")
    assert [(str(network), name) for network, name in networks.read(str(tmp_path / "own.csv"))] == [
        ("172.224.224.0/27", "network"),
        ("2a02:26f7::/64", "network"),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"10.0.0.0/8\n\n10.0.0.0/99\n", "line 3: '10.0.0.0/99' is no address or network."),
        (b"network,place\n10.0.0.0/8,x\n", "line 1: 'network' is no address or network."),
        (b"network,name\nnetwork,name\n", "line 2: 'network' is no address or network."),
        (b"\xff\xfe", "cannot be read: it is no UTF-8 text."),
    ],
)
def test_what_is_no_network_is_told_by_its_line(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(PixelstatError) as caught:
        networks.read(str(tmp_path / "own.csv"))
    assert sentence in caught.value.sentence


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PixelstatError, match="cannot be read: No such file"):
        networks.read(str(tmp_path / "own.csv"))

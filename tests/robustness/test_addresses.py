"""An address is the same in every spelling, and a text that is not an address lies in no network."""

from pathlib import Path

import pytest

from tests.builders import log, request
from tests.small_logs import ONE_PAGE, count_views


@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("fe80::1%eth0", "fe80::/10"),
        ("fe80::1%25eth0", "fe80::/10"),
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
        ("::ffff:c633:6407", "198.51.100.7"),
        ("[2001:db8::1]", "2001:db8::/32"),
        ("[2001:db8::1]:443", "2001:db8::/32"),
        ("2001:DB8:0:0:0::1", "2001:db8::1"),
        ("198.51.100.7:4711", "198.51.100.7"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(client: str, network: str, tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(request("/pixel.gif?v=ann", "10:00", client=client)), "--exclude-ip", network)
    assert finished.stderr == "0 events from 1 line; excluded: 1 from an excluded address\n"


@pytest.mark.slow
@pytest.mark.parametrize("client", ["01.2.3.4", "256.1.1.1", "1.2.3", "localhost", "::1%", ":::"])
def test_a_text_that_is_not_an_address_lies_in_no_network(client: str, tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(request("/pixel.gif?v=ann&p=/", "10:00", client=client)), "-q",
                  "--exclude-ip", "0.0.0.0/0")  # fmt: skip
    assert finished.stdout == ONE_PAGE


@pytest.mark.slow
def test_the_host_of_a_page_may_be_an_address_with_a_port(tmp_path: Path) -> None:
    pages = [f"https://{host}/a" for host in ("[2001:db8::1]:8443", "198.51.100.7:8080", "SHOP.example:443", "a@b@c")]
    content = log(*(request("/pixel.gif?v=ann", "10:00", referrer=page) for page in pages))
    for host in ("[2001:db8::1]", "198.51.100.7", "shop.example", "c"):
        assert count_views(tmp_path, content, "-q", "--host", host).stdout == "page,views,visitors\n/a,1,1\n"

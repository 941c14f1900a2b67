"""The client behind trusted proxies: X-Forwarded-For is read from the right, and never believed by default."""

import ipaddress
from pathlib import Path

import polars as pl
import pytest

from pixelstat.identity.proxies import resolve_clients
from tests.builders import log, request
from tests.run import Finished, run_in_process
from tests.small_logs import ANN, ONE_PAGE, count_views, write_log

TRUSTED = [ipaddress.ip_network(network) for network in ("10.0.0.0/8", "2001:db8:10::/48")]


def client_behind(client: str, forwarded_for: str | None) -> str:
    columns = {"client": [client], "forwarded_for": [forwarded_for]}
    requests = pl.LazyFrame(columns, schema=dict.fromkeys(columns, pl.String))
    found = resolve_clients(requests, TRUSTED).collect()
    return str(found["client"].item())


@pytest.mark.parametrize(
    ("client", "forwarded_for", "found"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),  # two proxies of ours
        ("10.0.0.1", "203.0.113.7,10.0.0.3,10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),  # what stands left of it anybody can write
        ("10.0.0.1", "1.1.1.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "10.9.9.9, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.8", "203.0.113.7", "203.0.113.8"),  # no proxy of ours
        ("203.0.113.8", "10.0.0.1", "203.0.113.8"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),  # one of ours asked
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "2001:DB8:0:0::1", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7:4711, [2001:db8:10::1]:443", "203.0.113.7"),
        ("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, ::ffff:10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
        ("10.0.0.1:4711", "203.0.113.7", "203.0.113.7"),
        ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("2001:db8:10::1", "203.0.113.7", "203.0.113.7"),
        ("2001:db8:11::1", "203.0.113.7", "2001:db8:11::1"),
        ("10.0.0.1", "203.0.113.7,%2010.0.0.2", "203.0.113.7"),  # as CloudFront writes a blank
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7, unknown", "203.0.113.7"),
        ("10.0.0.1", ",,{},", "10.0.0.1"),
        ("10.0.0.1", '["203.0.113.7", "10.0.0.2"]', "203.0.113.7"),
        ("10.0.0.1", "\\203.0.113.7:80,+10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, -", "203.0.113.7"),
        ("unix:", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "01.2.3.4", "01.2.3.4"),  # no address: nobody knows whether it is octal
        ("10.0.0.1", "::1\x1b[2J", "::1\x1b[2J"),
        ("proxy.example", "203.0.113.7", "proxy.example"),  # a name is no address that is trusted
        ("10.0.0.1", ", ".join(["1.1.1.1"] * 20_000 + ["203.0.113.7"]), "203.0.113.7"),
        ("10.0.0.1", ", ".join(["203.0.113.7"] + ["10.0.0.2"] * 20_000), "203.0.113.7"),
    ],
)
def test_the_client_is_the_last_address_that_is_not_a_trusted_proxy(
    client: str, forwarded_for: str | None, found: str
) -> None:
    assert client_behind(client, forwarded_for) == found


def request_through(proxy: str, forwarded_for: str, clock: str) -> str:
    """A request without a visitor id, in the format with X-Forwarded-For."""
    return request("/pixel.gif?p=/", clock, client=proxy) + f' "{forwarded_for}"'


@pytest.mark.slow
def test_x_forwarded_for_is_never_believed_by_default(tmp_path: Path) -> None:
    write_log(tmp_path, log(*(request_through("10.0.0.1", f"203.0.113.{n}", "10:00") for n in range(3))))
    assert run_in_process(tmp_path, "views", "access.log", "-q").stdout == "page,views,visitors\n/,3,1\n"
    trusting = run_in_process(tmp_path, "views", "access.log", "-q", "--trusted-proxy", "10.0.0.1")
    assert trusting.stdout == "page,views,visitors\n/,3,3\n"
    other = run_in_process(tmp_path, "views", "access.log", "-q", "--trusted-proxy", "10.0.0.2")
    assert other.stdout == "page,views,visitors\n/,3,1\n"


def test_a_spoofed_header_neither_makes_visitors_nor_evades_an_exclusion(tmp_path: Path) -> None:
    spoofed = [request_through("10.0.0.1", f"1.1.1.{n}, 203.0.113.7", "10:00") for n in range(3)]
    write_log(tmp_path, log(*spoofed, request_through("198.51.100.1", "203.0.113.7", "10:01")))
    proxies = ["--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "2001:db8::/32"]
    assert run_in_process(tmp_path, "views", "access.log", "-q", *proxies).stdout == "page,views,visitors\n/,4,2\n"
    finished = run_in_process(tmp_path, "views", "access.log", *proxies, "--exclude-ip", "203.0.113.0/24")
    assert finished.stdout == "page,views,visitors\n/,1,1\n"
    assert finished.stderr.startswith("1 event from 4 lines; excluded: 3 from excluded addresses\n")


def test_conditions_see_the_client_behind_the_proxy_and_the_header_as_it_was(tmp_path: Path) -> None:
    write_log(tmp_path, log(request_through("10.0.0.1", "1.1.1.1, 203.0.113.7", "10:00")))
    where = "client = '203.0.113.7' and forwarded_for = '1.1.1.1, 203.0.113.7'"
    asked = ["views", "access.log", "-q", "--where", where]
    assert run_in_process(tmp_path, *asked).stdout == "page,views,visitors\n"
    assert run_in_process(tmp_path, *asked, "--trusted-proxy", "10.0.0.1").stdout == "page,views,visitors\n/,1,1\n"


def test_a_trusted_proxy_must_be_an_address_or_network(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN))
    finished = run_in_process(tmp_path, "views", "access.log", "--trusted-proxy", "proxy.example")
    assert "'proxy.example' is not an address or a network. Try 203.0.113.7 or 10.0.0.0/8." in finished.stderr
    assert finished.exit == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "forwarded_for",
    [",,{},", "{}", ",", ", , ,", "unknown", "unknown, unknown", "1.2.3.4" * 500, "[::1", "::1]:80", "-, -", "1.2.3.4, -",
     ",".join(["1.2.3.4"] * 9_000)],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_a_line_is_readable_whatever_x_forwarded_for_holds(forwarded_for: str, tmp_path: Path) -> None:
    content = log(f'{ANN} "{forwarded_for}"')
    for trusted in ("0.0.0.0/0", "198.51.100.0/24"):
        finished = count_views(
            tmp_path, content, "-q", "--log-format", "combined_forwarded", "--trusted-proxy", trusted
        )
        assert finished == Finished(ONE_PAGE, "", 0)

"""Builders that speak the domain: each call is one line of an nginx combined log.

log(view("ann", "/cart", "10:00"), hit("ann", "purchase", "10:05", value="50"))
"""

from datetime import date
from urllib.parse import quote, urlencode
from zlib import crc32

DAY = "2026-09-07"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def address(visitor: str) -> str:
    """The visitor's address: the same every time."""
    return f"198.51.100.{crc32(visitor.encode()) % 254 + 1}"


def request(
    uri: str,
    clock: str,
    *,
    client: str = "198.51.100.255",
    day: str = DAY,
    offset: str = "+0000",
    method: str = "GET",
    status: int = 200,
    referrer: str = "-",
    agent: str = BROWSER,
) -> str:
    """Any request. The clock is `10:00` or `10:00:59`, in the zone of the offset."""
    time = f"{date.fromisoformat(day):%d/%b/%Y}:{clock if clock.count(':') == 2 else clock + ':00'} {offset}"
    return f'{client} - - [{time}] "{method} {uri} HTTP/1.1" {status} 43 "{referrer}" "{agent}"'


def hit(
    visitor: str,
    event: str,
    clock: str,
    *,
    day: str = DAY,
    offset: str = "+0000",
    status: int = 200,
    agent: str = BROWSER,
    **parameters: str,
) -> str:
    """An event of the visitor on the house pixel, with more parameters of the pixel if they are given."""
    query = urlencode({"e": event, "v": visitor, **parameters}, safe="/", quote_via=quote)
    client = address(visitor)
    return request(f"/pixel.gif?{query}", clock, client=client, day=day, offset=offset, status=status, agent=agent)


def view(visitor: str, page: str, clock: str, *, day: str = DAY, agent: str = BROWSER) -> str:
    """The visitor views a page."""
    return hit(visitor, "page_view", clock, day=day, agent=agent, p=page)


def log(*lines: str) -> str:
    """The lines as a log."""
    return "".join(f"{line}\n" for line in lines)

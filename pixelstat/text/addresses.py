"""Parse IP addresses and networks, and find the client in what servers and proxies write."""

import ipaddress
import re

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address in a text, or None for a host name.

    Brackets, port and zone are dropped. An IPv4 address inside an IPv6 address is returned as IPv4.
    """
    bare = text.strip().removeprefix("[").partition("]")[0].partition("%")[0]
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


# A client that needs no change: an IPv4 address or the name of a host, or an IPv6 address in lower case. The native
# reader knows the same shapes; see `is_usual_client` in parse.c.
USUAL_CLIENT = r"^(?:(?:::ffff:)?[0-9a-z][0-9a-z-]*(?:\.[0-9a-z-]+)+|[0-9a-f]+:[0-9a-f]*:[0-9a-f:]*)$"
UNIX_SOCKET = "unix:"  # a client that connects through a socket of the same machine
_ABSENT = {"", "-", "unknown", "(null)", "null", "none", "undefined"}
_AROUND = " \t\"'\\[](){}<>+;"


def split_addresses(text: str) -> list[str]:
    """Return the entries of an X-Forwarded-For header without quotes, brackets and blanks, and without absent ones."""
    entries = (entry.strip(_AROUND) for entry in re.split(r"[,\s]|%20", text))
    return [entry for entry in entries if entry.lower() not in _ABSENT]


def normalize_client(text: str) -> str | None:
    """Return the client that a field of a log names, or None where it names none.

    The field may hold an address with port, brackets or quotes, or a list, as X-Forwarded-For does. The first address
    counts. Without any address the first name counts: of a host, or of a socket, which
    is `unix:`.
    """
    if text.startswith(UNIX_SOCKET):
        return UNIX_SOCKET
    entries = split_addresses(text)
    if address := next(filter(None, map(parse_address, entries)), None):
        return str(address)
    return re.sub(r":\d+$", "", entries[0]).rstrip(".") if entries else None

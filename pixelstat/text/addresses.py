"""Parse IP addresses and networks."""

import ipaddress

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

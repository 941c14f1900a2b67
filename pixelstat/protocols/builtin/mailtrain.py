"""Mailtrain: `/links/{campaign}/{list}/{recipient}`, a click with the link behind (server/routes/links.js)."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Address, mailer_table

_WHO = r"^/links/(?P<campaign>[\w-]+)/[\w-]+/(?P<recipient>[\w-]+)"

PROTOCOL = mailer_table(
    "mailtrain",
    "Mailtrain; must be named by --protocol",
    Address("open", _WHO),
    Address("click_email", rf"{_WHO}/(?P<link>[\w-]+)"),
    marker=r"/links/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/",
    must_be_named=True,
    samples=(
        PixelSample("/links/rJ8xK2pQm/HkT5wZ1n/B1yQ7vLs", {"event": "open", "campaign": "rJ8xK2pQm", "recipient": "B1yQ7vLs", "visitor": "r:B1yQ7vLs"}),
        PixelSample(
            "/links/rJ8xK2pQm/HkT5wZ1n/B1yQ7vLs/Sk3dF9",
            {"event": "click_email", "campaign": "rJ8xK2pQm", "recipient": "B1yQ7vLs", "link": "Sk3dF9", "visitor": "r:B1yQ7vLs"},
        ),
    ),
)  # fmt: skip

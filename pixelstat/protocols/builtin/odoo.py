"""Odoo: `/mail/track/{mail}/{token}/blank.gif`, `/r/{link}/m/{recipient}`, `/mailing/{campaign}/view` (addons/mass_mailing).

An open and a click number their recipients differently, so the open's is its token: never somebody else's number.
"""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Address, mailer_table
from pixelstat.protocols.table import has_parameter

_WHO = has_parameter("email", "document_id", "res_id", "hash_token", "token")

PROTOCOL = mailer_table(
    "odoo",
    "Odoo's mailings",
    Address("open", r"/mail/track/(?P<message>[0-9]+)(?:/(?P<recipient>[^/]+))?/blank\.gif"),
    Address("click_email", r"/r/(?P<link>[A-Za-z0-9_]+)/m/(?P<recipient>[0-9]+)"),
    Address("web_view", r"/mailing/(?P<campaign>[0-9]+)/view", _WHO),
    Address("unsubscribe", r"/mailing/(?P<campaign>[0-9]+)/(?:confirm_)?unsubscribe(?:_oneclick)?", _WHO),
    marker=r"/mail/track/[0-9]|/mailing/[0-9]|/r/[A-Za-z0-9_]+/m/[0-9]",
    names={"recipient": ("email",)},
    samples=(
        PixelSample(
            "/mail/track/1207/9f86d081884c7d65/blank.gif",
            {"event": "open", "message": "1207", "recipient": "9f86d081884c7d65", "visitor": "r:9f86d081884c7d65"},
        ),
        PixelSample("/r/Xq4/m/5512", {"event": "click_email", "link": "Xq4", "recipient": "5512", "visitor": "r:5512"}),
        PixelSample("/mailing/17/view?email=ann%40shop.example&document_id=4", {"event": "web_view", "campaign": "17", "recipient": "ann@shop.example"}),
        PixelSample(
            "/mail/mailing/17/unsubscribe?email=ann%40shop.example&res_id=4&token=5f2b",
            {"event": "unsubscribe", "campaign": "17", "recipient": "ann@shop.example", "visitor": "r:ann@shop.example"},
        ),
    ),
)  # fmt: skip

"""Odoo: `/mail/track/{mail}/{token}/blank.gif`, `/r/{link}/m/{recipient}`, `/mailing/{campaign}/view` (addons/mass_mailing).

An open and a click number their recipients differently. So the recipient of an open is its token, which can never be
the number of somebody else.
"""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer
from pixelstat.protocols.table import has_parameter

_HAS_RECIPIENT = has_parameter("email", "document_id", "res_id", "hash_token", "token")

PROTOCOL = build_mailer(
    "odoo",
    "Odoo's emails",
    Endpoint("open", r"/mail/track/(?P<message>[0-9]+)(?:/(?P<recipient>[^/]+))?/blank\.gif"),
    Endpoint("click_email", r"/r/(?P<link>[A-Za-z0-9_]+)/m/(?P<recipient>[0-9]+)"),
    Endpoint("web_view", r"/mailing/(?P<campaign>[0-9]+)/view", _HAS_RECIPIENT),
    Endpoint("unsubscribe", r"/mailing/(?P<campaign>[0-9]+)/(?:confirm_)?unsubscribe(?:_oneclick)?", _HAS_RECIPIENT),
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

"""Mailtrain: `/links/{campaign}/{list}/{recipient}`, followed by `/{link}` in a click (server/routes/links.js)."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer

_RECIPIENT_PATH = r"^/links/(?P<campaign>[\w-]+)/[\w-]+/(?P<recipient>[\w-]+)"

PROTOCOL = build_mailer(
    "mailtrain",
    "Mailtrain; only with --protocol mailtrain",
    Endpoint("open", _RECIPIENT_PATH),
    Endpoint("click_email", rf"{_RECIPIENT_PATH}/(?P<link>[\w-]+)"),
    marker=r"/links/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/",
    is_opt_in=True,
    samples=(
        PixelSample("/links/rJ8xK2pQm/HkT5wZ1n/B1yQ7vLs", {"event": "open", "campaign": "rJ8xK2pQm", "recipient": "B1yQ7vLs", "visitor": "r:B1yQ7vLs"}),
        PixelSample(
            "/links/rJ8xK2pQm/HkT5wZ1n/B1yQ7vLs/Sk3dF9",
            {"event": "click_email", "campaign": "rJ8xK2pQm", "recipient": "B1yQ7vLs", "link": "Sk3dF9", "visitor": "r:B1yQ7vLs"},
        ),
    ),
)  # fmt: skip

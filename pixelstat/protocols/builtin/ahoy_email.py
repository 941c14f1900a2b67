"""Ahoy Email: `/ahoy/click?c=&u=&s=`; formerly `/ahoy/messages/{recipient}/open.gif`, `.../click?url=` (config/routes.rb)."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer
from pixelstat.protocols.table import has_parameter

_MESSAGE = r"/ahoy/messages/(?P<recipient>\w+)"

PROTOCOL = build_mailer(
    "ahoy_email",
    "Ahoy Email",
    Endpoint("open", rf"{_MESSAGE}/open\.gif"),
    Endpoint("click_email", f"{_MESSAGE}/click", has_parameter("url")),
    Endpoint("click_email", "/ahoy/click", has_parameter("u") & has_parameter("s")),
    marker="/ahoy/messages/|/ahoy/click",
    names={"link": ("u", "url"), "campaign": ("c",), "recipient": ("t",)},
    samples=(
        PixelSample("/ahoy/messages/iNeipp2mUGQ/open.gif", {"event": "open", "recipient": "iNeipp2mUGQ", "visitor": "r:iNeipp2mUGQ"}),
        PixelSample(
            "/ahoy/messages/iNeipp2mUGQ/click?signature=9f86d081&url=https%3A%2F%2Fshop.example%2Flaunch",
            {"event": "click_email", "recipient": "iNeipp2mUGQ", "link": "https://shop.example/launch"},
        ),
        PixelSample(
            "/ahoy/click?c=launch&u=https%3A%2F%2Fshop.example%2Flaunch&s=9f86d081",
            {"event": "click_email", "campaign": "launch", "link": "https://shop.example/launch", "recipient": None},
        ),
    ),
)  # fmt: skip

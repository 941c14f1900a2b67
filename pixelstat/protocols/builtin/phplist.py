"""phpList: `ut.php?u=&m=` for opens, `lt.php?tid=` for clicks (public_html/lists/admin/sendemaillib.php)."""

from uuid import UUID

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer
from pixelstat.protocols.payloads import decode_base64
from pixelstat.protocols.table import has_parameter, parameter_starts_with


def _decode_click(text: str) -> dict[str, str]:
    """Decode link, mailing and subscriber: three UUIDs, 48 bytes in base64 without padding. Raises ValueError."""
    data = decode_base64(text)
    if len(data) != 48:
        raise ValueError(text)
    link, campaign, recipient = (str(UUID(bytes=data[offset : offset + 16])) for offset in (0, 16, 32))
    return {"link": link, "campaign": campaign, "recipient": recipient}


PROTOCOL = build_mailer(
    "phplist",
    "phpList",
    Endpoint("open", r"/ut\.php", has_parameter("u") & has_parameter("m")),
    Endpoint("click_email", r"/lt\.php", parameter_starts_with("tid", "[^&]{64}")),
    marker=r"/[ul]t\.php",
    names={"recipient": ("u",), "campaign": ("m",), "data": ("tid",)},
    decode_data=_decode_click,
    samples=(
        PixelSample("/lists/ut.php?u=9a1c3b&m=17", {"event": "open", "recipient": "9a1c3b", "campaign": "17", "visitor": "r:9a1c3b"}),
        PixelSample(
            "/lists/lt.php?tid=ERERERERERERERERERERESIiIiIiIiIiIiIiIiIiIiIzMzMzMzMzMzMzMzMzMzMz",
            {"event": "click_email", "link": "11111111-1111-1111-1111-111111111111", "campaign": "22222222-2222-2222-2222-222222222222",
             "recipient": "33333333-3333-3333-3333-333333333333"},
        ),
    ),
)  # fmt: skip

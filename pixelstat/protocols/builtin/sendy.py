"""Sendy: `/t/{campaign}/{recipient}`, `/l/{recipient}/{link}/{campaign}`, `/w/...`, `/unsubscribe/...`, ids encrypted or not."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer

_FOLDER = r"^(?:/[\w-]+)?"
_ID = r"[\w-]+"

PROTOCOL = build_mailer(
    "sendy",
    "Sendy; only with --protocol sendy",
    Endpoint("open", rf"{_FOLDER}/t/(?P<campaign>{_ID})/(?P<recipient>{_ID})"),
    Endpoint("click_email", rf"{_FOLDER}/l/(?P<recipient>{_ID})/(?P<link>{_ID})/(?P<campaign>{_ID})"),
    Endpoint("web_view", rf"{_FOLDER}/w/{_ID}(?:/{_ID}){{0,2}}"),
    Endpoint("unsubscribe", rf"{_FOLDER}/unsubscribe/{_ID}(?:/{_ID}){{1,2}}"),
    marker="/unsubscribe/[A-Za-z0-9_-]|/[tlw]/[A-Za-z0-9_-]",
    is_opt_in=True,
    samples=(
        PixelSample(
            "/t/Ml72b5sQx0Yd/TxYnAhdrRu6nh5FxOvw5PQ",
            {"event": "open", "campaign": "Ml72b5sQx0Yd", "recipient": "TxYnAhdrRu6nh5FxOvw5PQ", "visitor": "r:TxYnAhdrRu6nh5FxOvw5PQ"},
        ),
        PixelSample(
            "/sendy/l/TxYnAhdrRu6nh5FxOvw5PQ/3PRzXbkL9w/Ml72b5sQx0Yd",
            {"event": "click_email", "campaign": "Ml72b5sQx0Yd", "recipient": "TxYnAhdrRu6nh5FxOvw5PQ", "link": "3PRzXbkL9w",
             "visitor": "r:TxYnAhdrRu6nh5FxOvw5PQ"},
        ),
        PixelSample("/sendy/w/Ml72b5sQx0Yd", {"event": "web_view"}),
        PixelSample("/unsubscribe/TxYnAhdrRu6nh5FxOvw5PQ/Gf5Rt2/Ml72b5sQx0Yd", {"event": "unsubscribe"}),
    ),
)  # fmt: skip

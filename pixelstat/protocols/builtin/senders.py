"""Hosted senders whose addresses show little more than an open or a click. What some of them do show is read.

Hosts are not compared, because a custom domain or a proxy changes them. Senders whose paths look like ordinary pages are
left out.
"""

from urllib.parse import parse_qsl

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import HEX, UUID, Endpoint, build_mailer
from pixelstat.protocols.payloads import decode_base64, decode_json
from pixelstat.protocols.table import has_parameter, parameter_starts_with

_TOKEN = "(?:[a-z0-9_-]*[A-Z]){3}[A-Za-z0-9_-]{16,}=*"  # noqa: S105 - a pattern that names of pages do not match
_MONITOR = "[b-df-np-z]{4,}-[b-df-np-z]+"  # letters except a, e and o


def _decode_message(text: str) -> dict[str, object]:
    """Decode JSON with message and link. Raises ValueError."""
    content = decode_json(text)
    if not isinstance(content, dict):
        raise ValueError(text)  # noqa: TRY004 - it is the text that is wrong
    return {"message": content.get("email_id"), "link": content.get("href")}


def _decode_target(text: str) -> dict[str, object]:
    """Decode the target of a link in base64. Raises ValueError."""
    return {"link": decode_base64(text).decode()}


def _decode_pairs(text: str) -> dict[str, object]:
    """Decode a query string in base64, whose `b` is the target of the link. Raises ValueError."""
    return {"link": dict(parse_qsl(decode_base64(text).decode(), max_num_fields=100)).get("b")}


PROTOCOLS = (
    build_mailer(
        "customer_io",
        "Customer.io",
        Endpoint("open", "/e/o/(?P<data>eyJ[A-Za-z0-9_-]{8,}=*)"),
        Endpoint("click_email", "/e/c/(?P<data>eyJ[A-Za-z0-9_-]{8,}=*)(?:/[A-Za-z0-9_-]+)?"),
        marker="/e/[oc]/eyJ",
        decode_data=_decode_message,
        identified_by=("message",),
        samples=(
            PixelSample("/e/o/eyJlbWFpbF9pZCI6ImRnVG82QVlEQU16aEJjdmhCUUdTUkt5bzE3In0=", {"event": "open", "message": "dgTo6AYDAMzhBcvhBQGSRKyo17", "visitor": "r:dgTo6AYDAMzhBcvhBQGSRKyo17"}),
            PixelSample(
                "/e/c/eyJlbWFpbF9pZCI6ImRnVG82QVlEQU16aEJjdmhCUUdTUkt5bzE3IiwiaHJlZiI6Imh0dHBzOi8vc2hvcC5leGFtcGxlL2xhdW5jaCIsImludGVybmFsIjoiZjVhYTA1IiwibGlua19pZCI6MTd9/5d41402abc4b",
                {"event": "click_email", "message": "dgTo6AYDAMzhBcvhBQGSRKyo17", "link": "https://shop.example/launch",
                 "visitor": "r:dgTo6AYDAMzhBcvhBQGSRKyo17"},
            ),
        ),
    ),
    build_mailer(
        "postmark",
        "Postmark",
        Endpoint("open", r"/open/v[0-9]_[A-Za-z0-9_.-]{20,}"),
        Endpoint("open", "/open", parameter_starts_with("m", r"v[0-9]_[A-Za-z0-9_.-]{20}")),
        Endpoint("click_email", rf"/[234]s/(?P<link>[^/]+)/\w+/\w+/\w+/(?P<message>{UUID})/[0-9]+/[A-Za-z0-9_-]+"),
        marker=r"/open/v[0-9]_|/open[^A-Za-z0-9/_-]|/[234]s/[^ /]+/[A-Za-z0-9_]+/[A-Za-z0-9_]+/",
        samples=(
            PixelSample("/open/v3_q1W2e3R4t5Y6u7I8o9P0a1S2d3", {"event": "open", "message": None}),
            PixelSample("/open?m=v3_1.q1W2e3R4t5Y6u7I8o9P0a1S2d3", {"event": "open"}),
            PixelSample(
                "/3s/shop.example%2Flaunch/KSBV/USLIAQ/AQ/9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f6/6/zP55bs82U3",
                {"event": "click_email", "link": "shop.example/launch", "message": "9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f6"},
            ),
        ),
    ),
    build_mailer(
        "sparkpost",
        "SparkPost's opens",
        Endpoint("open", "/q/[A-Za-z0-9_-]{8,}~~/[A-Za-z0-9_~/-]{8,}"),
        marker="~~/[A-Za-z0-9_~-]{4}",
        samples=(
            PixelSample("/q/q1W2e3R4t5Y6u7I8o9P0aA~~/AABCDwA~/RgRnA1b2", {"event": "open", "recipient": None}),
        ),
    ),
    build_mailer(
        "mailjet",
        "Mailjet",
        Endpoint("open", rf"/oo/[A-Za-z0-9_-]{{8,}}/{HEX}{{8}}/e\.gif"),
        Endpoint("click_email", "/lnk/[A-Za-z0-9_-]{4,}/[0-9]+/[A-Za-z0-9_-]{22}/(?P<data>[A-Za-z0-9_-]{12,}=*)"),
        marker=r"/oo/[A-Za-z0-9_-]{8}|/lnk/[A-Za-z0-9_-]+/[0-9]",
        decode_data=_decode_target,
        samples=(
            PixelSample("/oo/AMYAABl-xSUAAAAAAAA_ARHR9jkAAAAA/d6ba69ad/e.gif", {"event": "open", "recipient": None}),
            PixelSample("/lnk/AMYAABl-xSUAAAAAAAA/4/q1W2e3R4t5Y6u7I8o9P0aA/aHR0cHM6Ly9zaG9wLmV4YW1wbGUvbGF1bmNo", {"event": "click_email", "link": "https://shop.example/launch"}),
        ),
    ),
    build_mailer(
        "convertkit",
        "ConvertKit's clicks",
        Endpoint("click_email", "/c/[a-z0-9]{20}/[a-z0-9]{12,20}/(?P<data>aHR0c[A-Za-z0-9_-]{6,}=*)"),
        marker="/c/[a-z0-9]{20}/[a-z0-9]{12}",
        decode_data=_decode_target,
        samples=(
            PixelSample("/c/68u5q5qvvpuoul2d36to/g3hnhwuz4m42z0/aHR0cHM6Ly9zaG9wLmV4YW1wbGUvbGF1bmNo", {"event": "click_email", "link": "https://shop.example/launch"}),
        ),
    ),
    build_mailer(
        "campaign_monitor",
        "Campaign Monitor's clicks and web views",
        Endpoint("click_email", f"/t/[a-z]-l-{_MONITOR}-[a-z]{{1,2}}/?"),
        Endpoint("web_view", f"/t/[a-z]-e-{_MONITOR}-[a-z]{{1,2}}/?"),
        Endpoint("web_view", "/t/ViewEmail/[a-z]/[0-9A-F]{16}(?:/[0-9A-F]{32})?"),
        marker="/t/ViewEmail/|/t/[a-z]-[le]-[b-df-np-z]{4}",
        samples=(
            PixelSample("/t/y-l-jidkuht-hynykddkd-p/", {"event": "click_email"}),
            PixelSample("/t/j-e-jidkuht-hynykddkd-r", {"event": "web_view"}),
            PixelSample("/t/ViewEmail/y/0123456789ABCDEF", {"event": "web_view"}),
        ),
    ),
    build_mailer(
        "iterable",
        "Iterable's opens",
        Endpoint("open", r"/s/eo/[A-Za-z0-9_-]{8,}/[A-Za-z0-9]+/[0-9]+(?:/.*)?"),
        marker="/s/eo/[A-Za-z0-9_-]{8}",
        samples=(
            PixelSample("/s/eo/q1W2e3R4t5Y6u7I8/aB3/17", {"event": "open", "recipient": None}),
        ),
    ),
    build_mailer(
        "brevo",
        "Brevo",
        Endpoint("open", f"/(?:tr|mk)/op/(?:[a-z]{{1,2}}/)*{_TOKEN}(?:/[A-Za-z0-9_-]+)?"),
        Endpoint("click_email", f"/(?:tr|mk)/cl/(?:[a-z]{{1,2}}/)*{_TOKEN}(?:/[A-Za-z0-9_-]+)?"),
        Endpoint("unsubscribe", f"/(?:tr|mk)/un/(?:[a-z]{{1,2}}/)*{_TOKEN}(?:/[A-Za-z0-9_-]+)?"),
        Endpoint("web_view", f"/mk/mr/(?:[a-z]{{1,2}}/)*{_TOKEN}(?:/[A-Za-z0-9_-]+)?"),
        marker="/tr/(?:op|cl|un)/[A-Za-z0-9_-]|/mk/(?:op|cl|un|mr)/[A-Za-z0-9_-]",
        samples=(
            PixelSample("/tr/op/UT8I96hC9DLmYRMx9QF3i1KZk4h1nKvmFtwV73SeaIsysSV477-4TAosep86UbCUB0v7GhSTMNP_1I4EqOFuoEb8T", {"event": "open", "recipient": None}),
            PixelSample("/tr/cl/UT8I96hC9DLmYRMx9QF3i1KZk4h1nKvmFtwV73SeaIsysSV477-4TAosep86UbCUB0v7GhSTMNP_1I4EqOFuoEb8T", {"event": "click_email"}),
            PixelSample("/mk/cl/f/sh/7nVU1aA2nfwFS2Kg5hF8Cra9EjYQrye/RvxHmrbNt2IC", {"event": "click_email"}),
            PixelSample("/tr/un/li/UT8I96hC9DLmYRMx9QF3i1KZk4h1nKvmFtwV73SeaIsysSV477-4TAosep86UbCUB0v7GhSTMNP_1I4EqOFuoEb8T", {"event": "unsubscribe"}),
            PixelSample("/mk/mr/sh/1f8JAEjGcfF85xuswOr21JfA9J/fYVD72zF7nFk", {"event": "web_view"}),
        ),
    ),
    build_mailer(
        "getresponse",
        "GetResponse's opens",
        Endpoint("open", r"/open\.html", has_parameter("x") & has_parameter("m") & has_parameter("mc") & has_parameter("s")),
        marker=r"/open\.html",
        samples=(
            PixelSample("/open.html?x=a62b&m=fRSu&mc=BZ&s=rJF17", {"event": "open", "recipient": None}),
        ),
    ),
    build_mailer(
        "marketo",
        "Marketo's opens",
        Endpoint("open", "/trk", parameter_starts_with("t", "1(?:&|$)") & parameter_starts_with("mid", "[A-Za-z0-9_%=-]{20}")),
        marker="/trk[^A-Za-z0-9/_-]",
        samples=(PixelSample("/trk?t=1&mid=MTIzLUFCQy00NTY6MDoxMTA2NDUzOjYw", {"event": "open", "recipient": None}),),
    ),
    build_mailer(
        "salesforce",
        "Salesforce Marketing Cloud's opens",
        Endpoint(
            "open", r"/open\.aspx",
            pl.col("query").str.contains(r"^(?:[0-9a-f]{6}-[0-9a-f]{10,}-[0-9a-f-]+|[A-Z0-9]{20,}\.[0-9]+)(?:&|$)").fill_null(value=False),
        ),
        marker=r"/open\.aspx",
        samples=(
            PixelSample("/open.aspx?ffcb10-fe891776706602757d-fe271d7477670079701d70-ffcd16&d=10050", {"event": "open", "recipient": None}),
            PixelSample("/open.aspx?MGKG4Q6SUPWEPDSFURS3WL4DNI.120045&d=120045", {"event": "open"}),
        ),
    ),
    build_mailer(
        "activecampaign",
        "ActiveCampaign's opens",
        Endpoint("open", r"/lt\.php", parameter_starts_with("l", "open(?:&|$)") & parameter_starts_with("s", f"{HEX}{{32}}")),
        marker=r"/lt\.php",
        names={"campaign": ("c",), "message": ("m",), "recipient": ("s",)},
        samples=(
            PixelSample(
                "/lt.php?nl=1&c=73&m=111&s=0123456789abcdef0123456789abcdef&l=open",
                {"event": "open", "campaign": "73", "message": "111", "recipient": "0123456789abcdef0123456789abcdef",
                 "visitor": "r:0123456789abcdef0123456789abcdef"},
            ),
        ),
    ),
    build_mailer(
        "mailerlite",
        "MailerLite",
        Endpoint("open", "/link/o/(?P<data>YT0[A-Za-z0-9_-]{12,}=*)(?:\\.[A-Za-z0-9_-]+)?"),
        Endpoint("click_email", "/link/c/(?P<data>YT0[A-Za-z0-9_-]{12,}=*)(?:\\.[A-Za-z0-9_-]+)?"),
        marker="/link/[oc]/YT0",
        decode_data=_decode_pairs,
        samples=(
            PixelSample("/link/o/YT0xMjE3NTY2Mjk1MTc2Nzc5Njk1JmM9cTJzNg==.fp2uJksWnc8", {"event": "open", "link": None}),
            PixelSample("/link/c/YT0xMjE3NTY2Mjk1MTc2Nzc5Njk1JmM9cTJzNiZiPTI2NzY2ODQ5OCZkPWs1bDlhNHE=.fp2uJksWnc8", {"event": "click_email", "link": "267668498"}),
        ),
    ),
    build_mailer(
        "shopify",
        "Shopify's emails",
        Endpoint("open", "/tools/emails/open/(?P<campaign>[^/]+)/[^/]+"),
        Endpoint("click_email", "/tools/emails/click/(?P<campaign>[^/]+)/[^/]+/.+"),
        marker="/tools/emails/open/|/tools/emails/click/",
        names={"link": ("url",)},
        samples=(
            PixelSample("/tools/emails/open/order-confirmation/1", {"event": "open", "campaign": "order-confirmation"}),
            PixelSample(
                "/tools/emails/click/order-confirmation/1/product/link?url=https%3A%2F%2Fshop.example%2Fkettle",
                {"event": "click_email", "campaign": "order-confirmation", "link": "https://shop.example/kettle"},
            ),
        ),
    ),
    build_mailer(
        "infobip",
        "Infobip's opens",
        Endpoint("open", "/tracking/1/open/[A-Za-z0-9_.~-]{8,}"),
        marker="/tracking/1/open/",
        samples=(PixelSample("/tracking/1/open/q1W2e3R4t5Y6u7I8", {"event": "open", "recipient": None}),),
    ),
    build_mailer(
        "maropost",
        "Maropost's opens",
        Endpoint("open", "/a/[0-9]+/open/[0-9]+/[0-9]+(?:/[A-Za-z0-9_-]+)?"),
        marker="/a/[0-9]+/open/[0-9]",
        samples=(
            PixelSample("/a/1204/open/5678/1234567/9f86d081884c7d65", {"event": "open", "recipient": None}),
        ),
    ),
    build_mailer(
        "constant_contact",
        "Constant Contact's opens",
        Endpoint("open", r"/on\.jsp", parameter_starts_with("a", "[0-9]{10}") & has_parameter("c", "ca", "d")),
        marker=r"/on\.jsp",
        samples=(
            PixelSample("/on.jsp?ca=9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f6&a=1133538600000&c=&ch=", {"event": "open", "recipient": None}),
        ),
    ),
)  # fmt: skip

"""cloudfront: standard logs of Amazon CloudFront, tab-separated W3C that encodes percent signs once more."""

from pixelstat.formats.base import Sample
from pixelstat.formats.w3c import CLOUDFRONT_FIELD, W3cFormat, add_other_layouts

FIELDS = (
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent)"
    " cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken"
    " x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status"
    " fle-encrypted-fields"
)
NEWER = (
    f"{FIELDS} c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start"
    " sc-range-end"
)
_TAIL = "\tMiss\tREQ7\t{host}\thttps\t217\t0.001\t{forwarded}\tTLSv1.2\tECDHE\tMiss\tHTTP/1.1\t-\t-"

FORMATS = add_other_layouts(W3cFormat(
    "cloudfront",
    "Amazon CloudFront standard logs",
    frozenset({CLOUDFRONT_FIELD}),
    (
        Sample(
            "2026-09-07\t10:00:00\tFRA2\t182\t203.0.113.7\tGET\td1.cloudfront.net\t/pixel.gif\t200\thttps://shop.example/"
            "\tMozilla/5.0%2520(Windows%2520NT%25206.1)\te=pv&p=%252Fa\t-"
            + _TAIL.format(host="shop.example", forwarded="198.51.100.9,%20203.0.113.7"),
            {"time": "2026-09-07T10:00:00", "client": "203.0.113.7", "vhost": "shop.example", "method": "GET", "path": "/pixel.gif",
             "query": "e=pv&p=%2Fa", "status": 200, "bytes": 182, "referrer": "https://shop.example/", "request_id": "REQ7",
             "user_agent": "Mozilla/5.0 (Windows NT 6.1)", "forwarded_for": "198.51.100.9,%20203.0.113.7"},
            header=FIELDS,
        ),
        Sample(
            "2026-09-07\t12:29:36\tSEA19-C2\t10157\t2001:db8::7\tPOST\td1.cloudfront.net\t/b.gif\t000\t-"
            "\tMozilla/5.0%20(Windows%20NT%2010.0;%20Win64)\t-\t-"
            + _TAIL.format(host="-", forwarded="-") + "\t4203\t0.238\tMiss\timage/gif\t-\t-\t-",
            {"time": "2026-09-07T12:29:36", "client": "2001:db8::7", "vhost": None, "method": "POST", "path": "/b.gif", "query": None,
             "status": 0, "referrer": None, "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64)", "forwarded_for": None},
            header=NEWER,
        ),
    ),
    layout="tabs",
    default_header=FIELDS,
))  # fmt: skip

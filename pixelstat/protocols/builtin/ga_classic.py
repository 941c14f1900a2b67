"""Classic Google Analytics: `__utm.gif`, also of self-hosted copies (Urchin, local server mode)."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter


def _read_cookies(events: pl.LazyFrame) -> pl.LazyFrame:
    """Read the visitor and the campaign from the cookies. A referrer of `0` or `-` means none."""
    cookies = pl.col("cookie_jar").str
    return events.with_columns(
        visitor_id=cookies.extract(r"__utma=\d+\.(\d+)\."),
        referrer=pl.when(~pl.col("referrer").is_in(["0", "-"])).then("referrer"),
        page_address=pl.when(pl.col("page_host").is_null())
        .then("page_address")
        .otherwise("//" + pl.col("page_host") + pl.col("page_address")),
        utm_source=cookies.extract(r"utmcsr=([^|;]+)"),
        utm_campaign=cookies.extract(r"utmccn=([^|;]+)"),
        utm_medium=cookies.extract(r"utmcmd=([^|;]+)"),
        utm_term=cookies.extract(r"utmctr=([^|;]+)"),
    )


PROTOCOL = build_pixel(
    "ga_classic",
    "Google Analytics classic, Urchin",
    marker=r"/__utm\.gif",
    paths=r"/__utm\.gif$",
    claims=pl.col("path").str.ends_with("/__utm.gif") & has_parameter("utmac", "utmn", "utmwv"),
    names={"page_address": ("utmp",), "page_host": ("utmhn",), "referrer": ("utmr",), "kind": ("utmt",), "cookie_jar": ("utmcc",)},
    event=first_matching(
        (pl.col("kind") == "tran", "purchase"),
        (pl.col("kind").is_in(["event", "item", "var"]), pl.col("kind")),
        (pl.lit(value=True), "page_view"),
    ),
    finish=_read_cookies,
    samples=(
        PixelSample(
            "/__utm.gif?utmwv=4&utmn=769876874&utmhn=shop.example&utmcs=UTF-8&utmdt=x&utmr=0&utmp=/a/b.htm&utmac=UA-30138-1"
            "&utmcc=__utma%3D97315849.1774621898.1207701397.1207701397.1207701397.1%3B%2B__utmz%3D97315849.1207701397.1.1.utmcsr%3Dgoogle%7Cutmccn%3D(organic)%7Cutmcmd%3Dorganic%7Cutmctr%3Dkettle%3B",
            {"event": "page_view", "visitor": "v:1774621898", "page": "/a/b.htm", "host": "shop.example", "referrer": None,
             "utm_source": "google", "utm_medium": "organic", "utm_term": "kettle"},
        ),
    ),
)  # fmt: skip

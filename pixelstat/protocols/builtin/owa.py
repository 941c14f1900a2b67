"""Open Web Analytics: `log.php`, every parameter with the prefix `owa_`."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import make_product, numbered_products
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter, prefix_order_names, rename_events

_KINDS = {
    "base.page_request": "page_view", "ecommerce.transaction": "purchase", "dom.click": "click", "dom.scroll": "scroll",
    "dom.keypress": "keypress", "dom.movement": "movement", "dom.stream": "ping",
}  # fmt: skip

PROTOCOL = build_pixel(
    "owa",
    "Open Web Analytics",
    marker="owa_event_type=",
    paths=r"/log\.php$",
    claims=pl.col("path").str.ends_with("/log.php") & has_parameter("owa_event_type"),
    names={
        "event": ("owa_action_name",),
        "visitor_id": ("owa_visitor_id",),
        "user_id": ("owa_user_name",),
        "session_id": ("owa_session_id",),
        "page_address": ("owa_page_url",),
        "referrer": ("owa_HTTP_REFERER",),
        "order_id": ("owa_ct_order_id",),
        "value": ("owa_ct_total",),
        "event_value": ("owa_numeric_value",),
        "tax": ("owa_ct_tax",),
        "shipping": ("owa_ct_shipping",),
        "category": ("owa_action_group",),
        "utm_source": ("owa_source",),
        "utm_medium": ("owa_medium",),
        "utm_campaign": ("owa_campaign",),
        "utm_term": ("owa_search_terms",),
        "kind": ("owa_event_type",),
    },
    items=(
        numbered_products(
            r"owa_ct_line_items(?:\[|%5[Bb]){n}(?:\]|%5[Dd])(?:\[|%5[Bb])li_{key}(?:\]|%5[Dd])",
            id="sku", name="product_name", category="category", price="unit_price", quantity="quantity",
        ),
    ),
    event=first_matching(
        (pl.col("kind") == "track.action", prefix_order_names(pl.coalesce("event", pl.lit("event")), pl.col("category"))),
        (pl.lit(value=True), rename_events(pl.col("kind"), _KINDS)),
    ),
    samples=(
        PixelSample(
            "/owa/log.php?owa_event_type=base.page_request&owa_site_id=s1&owa_visitor_id=17&owa_page_url=https%3A%2F%2Fshop.example%2Fa",
            {"event": "page_view", "visitor": "v:17", "page": "/a", "host": "shop.example"},
        ),
        PixelSample("/log.php?owa_event_type=track.action&owa_action_name=Sign+Up&owa_visitor_id=17", {"event": "signup"}),
        PixelSample("/log.php?owa_event_type=ecommerce.transaction&owa_ct_order_id=A17&owa_ct_total=89.5&owa_ct_tax=14.29&owa_ct_shipping=4.95&owa_visitor_id=17",
                    {"event": "purchase", "order_id": "A17", "value": 89.5, "tax": 14.29, "shipping": 4.95}),
        PixelSample(
            "/log.php?owa_event_type=ecommerce.transaction&owa_ct_order_id=A18&owa_ct_line_items%5B0%5D%5Bli_sku%5D=K1&owa_ct_line_items[0][li_product_name]=Kettle"
            "&owa_ct_line_items[0][li_category]=Kitchen&owa_ct_line_items[0][li_unit_price]=89.5&owa_ct_line_items[0][li_quantity]=2&owa_ct_line_items[1][li_sku]=C2",
            {"event": "purchase", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2), make_product("C2")]},
        ),
        PixelSample("/log.php?owa_event_type=track.action&owa_action_group=Shop&owa_action_name=Purchase&owa_numeric_value=89.5&owa_visitor_id=17",
                    {"event": "Shop Purchase", "value": 89.5}),
        PixelSample("/log.php?owa_event_type=dom.stream&owa_visitor_id=17", {"event": "ping"}),
    ),
)  # fmt: skip

"""Snowplow's collector by GET: `/i`, `/ice.png`, `tp2` and its redirects.

The trackers' default is POST, whose body logs do not hold.
"""

import re
from collections import defaultdict

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.payloads import expand_payload, spell_in_payload
from pixelstat.protocols.products import make_product, numbered_products
from pixelstat.protocols.table import (
    build_pixel,
    first_matching,
    has_parameter,
    parameter_starts_with,
    prefix_order_names,
    rename_events,
)

_PATHS = r"/(?:i|ice\.png|tp2)$"
_KINDS = {"pv": "page_view", "pp": "ping", "tr": "purchase", "ti": "item", "ue": "self_describing"}

# What the e-commerce plugins call the actions of their events: the present one by `type`, the former by `action`.
_SHOP_EVENTS = ("snowplow_ecommerce_action", "action")
_NAME = pl.col("described").str.extract("^iglu:[^/]+/([^/]+)/")
_SHOP_ACTIONS = {
    "add": "add_to_cart",
    "remove": "remove_from_cart",
    "detail": "product_view",
    "checkout_step": "checkout",
}


def _read_payload(query: str) -> str:
    """Append the content of a self-describing event and of its entities to the query."""
    return expand_payload(query, "ue_pr|ue_px|co|cx", _name_entities)


def _name_entities(document: object) -> object:
    """Return a list of entities as lists by the names in their schemas; any other document as it is."""
    items = document.get("data") if isinstance(document, dict) else None
    if not isinstance(items, list):
        return document
    entities = defaultdict(list)
    for item in items:
        if isinstance(item, dict) and (schema := re.match("iglu:[^/]+/([^/]+)/", str(item.get("schema")))):
            entities[schema[1]].append(item.get("data"))
    return entities


PROTOCOL = build_pixel(
    "snowplow",
    "Snowplow",
    # A request has two of these parameters, so one follows an ampersand. That is rarer in a log than `/i`.
    marker=r"&(?:tv|tna|aid|duid)=|&e=(?:pv|pp|se|ev|ue|tr|ti)|/tp2",
    paths=_PATHS,
    claims=pl.col("path").str.contains(_PATHS)
    & (
        (parameter_starts_with("e", "(?:pv|pp|se|ev|ue|tr|ti)(?:&|$)") & has_parameter("tv", "tna", "aid", "duid"))
        | (pl.col("path").str.ends_with("/r/tp2") & has_parameter("u"))
    ),
    names={
        "event": ("se_ac",),
        "visitor_id": ("duid", "nuid", "tnuid"),
        "user_id": ("uid",),
        "session_id": ("sid",),
        "page_address": ("url",),
        "referrer": ("refr",),
        "category": ("se_ca",),
        "order_id": ("tr_id", "ti_id", r"(?:transaction|refund)\.0\.transaction_id", r"actionFieldObject\.0\.id"),
        "value": (
            "tr_tt",
            r"transaction\.0\.revenue",
            r"refund\.0\.refund_amount",
            r"actionFieldObject\.0\.revenue",
        ),
        "event_value": ("se_va", "ti_pr"),
        "tax": ("tr_tx", r"(?:transaction|actionFieldObject)\.0\.tax"),
        "shipping": ("tr_sh", r"(?:transaction|actionFieldObject)\.0\.shipping"),
        "discount": (r"transaction\.0\.discount_amount",),
        "coupon": (r"transaction\.0\.discount_code", r"actionFieldObject\.0\.coupon"),
        "currency": (
            "tr_cu",
            "ti_cu",
            r"(?:transaction|refund|product|actionFieldObject|productFieldObject)\.0\.currency",
        ),
        "link": ("u",),
        "kind": ("e",),
        "described": (r"data\.schema",),
        "action": (r"data\.data\.(?:type|action)",),
    },
    dedup_key=("eid",),
    account="aid",
    items=(
        numbered_products("ti_{key}", id="sk", name=("nm", "na"), category="ca", price="pr", quantity="qu"),
        numbered_products(
            r"product(?:FieldObject)?\.{n}\.{key}",
            id="id", name="name", category="category", price="price", quantity="quantity",
        ),
        numbered_products(
            r"data\.data\.{key}", needs=("id",),
            id="sku", name="name", category="category", price="unitPrice", quantity="quantity",
        ),
    ),
    event=first_matching(
        (pl.col("kind").is_null(), "click"),
        (_NAME.is_in(_SHOP_EVENTS) & pl.col("action").is_not_null(), rename_events(pl.col("action"), _SHOP_ACTIONS)),
        (pl.col("described").is_not_null(), rename_events(_NAME, {"web_vitals": "ping"})),
        (
            pl.col("kind").is_in(["se", "ev"]),
            prefix_order_names(pl.coalesce("event", pl.lit("event")), pl.col("category")),
        ),
        (pl.lit(value=True), rename_events(pl.col("kind"), _KINDS)),
    ),
    # The entities of most events are not decoded: to look for two words in them is enough.
    bot=pl.col("query").str.contains_any(spell_in_payload("client_side_bot_detection"))
    & pl.col("query").str.contains_any(spell_in_payload('"bot":true')),
    payload="ue_pr|ue_px",
    read_payload=_read_payload,
    samples=(
        PixelSample(
            "/i?&e=pv&page=Root%20README&url=http%3A%2F%2Fgithub.com%2Fsnowplow%2Fsnowplow&aid=snowplow&p=web&tv=no-js-0.1.0",
            {"event": "page_view", "page": "/snowplow/snowplow", "host": "github.com"},
        ),
        PixelSample(
            "/ice.png?e=tr&p=web&tv=js-2&tr_id=A17&tr_tt=89.5&tr_tx=14.29&tr_sh=4.95&tr_cu=EUR&duid=7f3a&sid=s1",
            {"event": "purchase", "order_id": "A17", "value": 89.5, "tax": 14.29, "shipping": 4.95, "currency": "EUR", "visitor": "v:7f3a", "session_id": "s1"},
        ),
        PixelSample("/i?e=pp&p=web&tv=js-2&duid=7f3a", {"event": "ping"}),
        PixelSample("/i?e=pv&p=web&tv=js-4&duid=7f3a&cx=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy9jb250ZXh0cy9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6W3sic2NoZW1hIjoiaWdsdTpjb20uc25vd3Bsb3dhbmFseXRpY3Muc25vd3Bsb3cvd2ViX3BhZ2UvanNvbnNjaGVtYS8xLTAtMCIsImRhdGEiOnsiaWQiOiJ3MSJ9fSx7InNjaGVtYSI6ImlnbHU6Y29tLnNub3dwbG93YW5hbHl0aWNzLnNub3dwbG93L2NsaWVudF9zaWRlX2JvdF9kZXRlY3Rpb24vanNvbnNjaGVtYS8xLTAtMCIsImRhdGEiOnsiYm90Ijp0cnVlLCJraW5kIjoic2VsZW5pdW0ifX1dfQ", {"event": "page_view", "is_declared_bot": True}),
        PixelSample("/i?e=pv&p=web&tv=js-4&duid=7f3a&cx=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy9jb250ZXh0cy9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6W3sic2NoZW1hIjoiaWdsdTpjb20uc25vd3Bsb3dhbmFseXRpY3Muc25vd3Bsb3cvd2ViX3BhZ2UvanNvbnNjaGVtYS8xLTAtMCIsImRhdGEiOnsiaWQiOiJ3MSJ9fSx7InNjaGVtYSI6ImlnbHU6Y29tLnNub3dwbG93YW5hbHl0aWNzLnNub3dwbG93L2NsaWVudF9zaWRlX2JvdF9kZXRlY3Rpb24vanNvbnNjaGVtYS8xLTAtMCIsImRhdGEiOnsiYm90IjpmYWxzZX19XX0", {"event": "page_view", "is_declared_bot": None}),
        PixelSample("/i?e=se&p=web&se_ca=shop&se_ac=add-to-cart&se_va=2&duid=7f3a", {"event": "add_to_cart", "value": 2.0}),
        PixelSample(
            "/i?e=ue&p=web&tv=js-2&duid=7f3a&ue_px=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy91bnN0cnVjdF9ldmVudC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJzY2hlbWEiOiJpZ2x1OmNvbS5zaG9wL2xpbmtfY2xpY2svanNvbnNjaGVtYS8xLTAtMCIsImRhdGEiOnsidGFyZ2V0VXJsIjoiL2EifX19",
            {"event": "click", "visitor": "v:7f3a"},
        ),
        PixelSample("/r/tp2?u=https%3A%2F%2Fshop.example%2F&p=web&nuid=n1", {"event": "click", "link": "https://shop.example/", "visitor": "v:n1"}),
        PixelSample("/i?e=ti&p=web&tv=js-2&ti_id=A17&ti_sk=K1&ti_na=Kettle&ti_ca=Kitchen&ti_pr=89.5&ti_qu=2&ti_cu=EUR",
                    {"event": "item", "order_id": "A17", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2)]}),
        PixelSample("/i?e=se&p=web&tv=js-2&se_ca=Shop&se_ac=purchase&se_va=89.5&duid=7f3a", {"event": "Shop purchase", "value": 89.5}),
        PixelSample(
            "/i?e=ue&p=web&tv=js-4&duid=7f3a&eid=e1&ue_px=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy91bnN0cnVjdF9ldmVudC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy5lY29tbWVyY2Uvc25vd3Bsb3dfZWNvbW1lcmNlX2FjdGlvbi9qc29uc2NoZW1hLzEtMC0yIiwiZGF0YSI6eyJ0eXBlIjoidHJhbnNhY3Rpb24ifX19&cx=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy9jb250ZXh0cy9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6W3sic2NoZW1hIjoiaWdsdTpjb20uc25vd3Bsb3dhbmFseXRpY3Muc25vd3Bsb3cuZWNvbW1lcmNlL3RyYW5zYWN0aW9uL2pzb25zY2hlbWEvMS0wLTAiLCJkYXRhIjp7InRyYW5zYWN0aW9uX2lkIjoiQTE3IiwicmV2ZW51ZSI6ODkuNSwiY3VycmVuY3kiOiJFVVIiLCJwYXltZW50X21ldGhvZCI6ImNhcmQifX0seyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy5lY29tbWVyY2UvcHJvZHVjdC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJpZCI6IksxIiwibmFtZSI6IktldHRsZSIsImNhdGVnb3J5IjoiS2l0Y2hlbiIsInByaWNlIjo0MCwiY3VycmVuY3kiOiJFVVIiLCJxdWFudGl0eSI6Mn19LHsic2NoZW1hIjoiaWdsdTpjb20uc25vd3Bsb3dhbmFseXRpY3Muc25vd3Bsb3cvd2ViX3BhZ2UvanNvbnNjaGVtYS8xLTAtMCIsImRhdGEiOnsiaWQiOiJ3MSJ9fSx7InNjaGVtYSI6ImlnbHU6Y29tLnNub3dwbG93YW5hbHl0aWNzLnNub3dwbG93LmVjb21tZXJjZS9wcm9kdWN0L2pzb25zY2hlbWEvMS0wLTAiLCJkYXRhIjp7ImlkIjoiQzIiLCJjYXRlZ29yeSI6IktpdGNoZW4iLCJwcmljZSI6OS41LCJjdXJyZW5jeSI6IkVVUiJ9fV19",
            {"event": "purchase", "order_id": "A17", "value": 89.5, "currency": "EUR", "dedup_key": "&e1&purchase",
             "products": [make_product("K1", "Kettle", "Kitchen", 40, 2), make_product("C2", None, "Kitchen", 9.5)]},
        ),
        PixelSample("/i?e=ue&p=web&tv=js-4&duid=7f3a&ue_px=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy91bnN0cnVjdF9ldmVudC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy5lY29tbWVyY2Uvc25vd3Bsb3dfZWNvbW1lcmNlX2FjdGlvbi9qc29uc2NoZW1hLzEtMC0yIiwiZGF0YSI6eyJ0eXBlIjoicmVmdW5kIn19fQ&cx=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy9jb250ZXh0cy9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6W3sic2NoZW1hIjoiaWdsdTpjb20uc25vd3Bsb3dhbmFseXRpY3Muc25vd3Bsb3cuZWNvbW1lcmNlL3JlZnVuZC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJ0cmFuc2FjdGlvbl9pZCI6IkExNyIsInJlZnVuZF9hbW91bnQiOjkuNSwiY3VycmVuY3kiOiJFVVIifX1dfQ", {"event": "refund", "order_id": "A17", "value": 9.5, "currency": "EUR"}),
        PixelSample(
            "/i?e=ue&p=web&tv=js-3&duid=7f3a&ue_px=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy91bnN0cnVjdF9ldmVudC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJzY2hlbWEiOiJpZ2x1OmNvbS5nb29nbGUuYW5hbHl0aWNzLmVuaGFuY2VkLWVjb21tZXJjZS9hY3Rpb24vanNvbnNjaGVtYS8xLTAtMCIsImRhdGEiOnsiYWN0aW9uIjoicHVyY2hhc2UifX19&cx=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy9jb250ZXh0cy9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6W3sic2NoZW1hIjoiaWdsdTpjb20uZ29vZ2xlLmFuYWx5dGljcy5lbmhhbmNlZC1lY29tbWVyY2UvYWN0aW9uRmllbGRPYmplY3QvanNvbnNjaGVtYS8xLTAtMCIsImRhdGEiOnsiaWQiOiJBMTciLCJyZXZlbnVlIjoiODkuNSIsImN1cnJlbmN5IjoiRVVSIn19LHsic2NoZW1hIjoiaWdsdTpjb20uZ29vZ2xlLmFuYWx5dGljcy5lbmhhbmNlZC1lY29tbWVyY2UvcHJvZHVjdEZpZWxkT2JqZWN0L2pzb25zY2hlbWEvMS0wLTAiLCJkYXRhIjp7ImlkIjoiSzEiLCJuYW1lIjoiS2V0dGxlIiwicXVhbnRpdHkiOjJ9fV19",
            {"event": "purchase", "order_id": "A17", "value": 89.5, "currency": "EUR", "products": [make_product("K1", "Kettle", None, None, 2)]},
        ),
        PixelSample("/i?e=ue&p=web&tv=js-3&duid=7f3a&ue_px=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy91bnN0cnVjdF9ldmVudC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy9hZGRfdG9fY2FydC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJza3UiOiJLMSIsIm5hbWUiOiJLZXR0bGUiLCJ1bml0UHJpY2UiOjg5LjUsInF1YW50aXR5IjoyLCJjdXJyZW5jeSI6IkVVUiJ9fX0", {"event": "add_to_cart", "products": [make_product("K1", "Kettle", None, 89.5, 2)]}),
        PixelSample("/i?e=ue&p=web&tv=js-3&duid=7f3a&ue_px=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy91bnN0cnVjdF9ldmVudC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy93ZWJfdml0YWxzL2pzb25zY2hlbWEvMS0wLTAiLCJkYXRhIjp7ImNscyI6MC4xfX19", {"event": "ping"}),
    ),
)  # fmt: skip

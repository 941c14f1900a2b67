"""Read the client from a header that the user names, instead of X-Forwarded-For.

    $http_cf_connecting_ip     %{CF-Connecting-IP}i     cs(CF-Connecting-IP)     "headers":{"Cf-Connecting-Ip":["..."]}

Each kind of format spells headers in its own way. A text format that is built in or inferred does not name this header,
so its lines have none.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

from pixelstat.formats.base import LogFormat
from pixelstat.formats.fields import APACHE_FIELDS, NGINX_FIELDS, W3C_FIELDS
from pixelstat.formats.inferred import InferredFormat
from pixelstat.formats.json import JsonFormat, Key, split_key
from pixelstat.formats.text import TextFormat
from pixelstat.formats.w3c import W3cFormat

_PROXY_FIELDS = ("forwarded_for", "real_ip")  # fields for headers in which a proxy names the client


def read_client_header(log_format: LogFormat, header: str) -> LogFormat:
    """Return the format with this header as `forwarded_for`, and without any other header of proxies.

    `header` is the HTTP name in upper or lower case.
    """
    name = header.lower()
    variable = name.replace("-", "_")
    if isinstance(log_format, TextFormat):
        spellings = {f"http_{variable}", f"{{{name}}}i"}
        usual = NGINX_FIELDS if "$" in log_format.template else APACHE_FIELDS
        return replace(log_format, fields=_select_header({**usual, **log_format.fields}, spellings))
    if isinstance(log_format, W3cFormat):
        return replace(log_format, fields=_select_header(W3C_FIELDS, {name, variable, f"cs({name})", f"cs-{name}"}))
    if isinstance(log_format, JsonFormat):
        keys = [*log_format.headers.get(variable, ()), *_respell_keys(log_format.keys.get("forwarded_for", ()), header)]
        others = {field: paths for field, paths in log_format.keys.items() if field not in _PROXY_FIELDS}
        return replace(log_format, keys={**others, "forwarded_for": keys})
    if isinstance(log_format, InferredFormat):
        return replace(log_format, infer=partial(log_format.infer, client_header=header))
    return log_format


def _select_header(fields: Mapping[str, str], spellings: Collection[str]) -> dict[str, str]:
    """Return the fields by their names in the log, with these spellings as the only header of proxies."""
    others = {name: "" if field in _PROXY_FIELDS else field for name, field in fields.items()}
    return {**others, **dict.fromkeys(spellings, "forwarded_for")}


def _respell_keys(keys: Collection[Key], header: str) -> list[Key]:
    """Return the keys of X-Forwarded-For with this header's name in its place, in the same spelling."""
    respelled: list[Key] = []
    for key in keys:
        *parents, last = split_key(key)
        if "x_forwarded_for" in last:
            respelled.append((*parents, last.replace("x_forwarded_for", header.lower().replace("-", "_"))))
        elif "X-Forwarded-For" in last:
            # Go writes headers in title case. Other servers keep the case that the user may have copied.
            spellings = dict.fromkeys((header.title(), header))
            respelled += [(*parents, last.replace("X-Forwarded-For", spelling)) for spelling in spellings]
    return respelled

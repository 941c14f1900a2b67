"""Infer the keys of a JSON log from its first lines: by known names, then by the form of the values.

    {"client_ip": "203.0.113.7", "at": "2026-09-07T10:00:00Z", "url": "/pixel.gif?e=pv", "response_status": 200}

A key with a known name gives a field only if its values have the form of the field. A key with an unknown name gives a
field only if no other key can. The result is a `JsonFormat` with exactly these keys, so the log is read as fast as one
of a built-in format.
"""

from collections import Counter
from collections.abc import Iterable

import polars as pl

from pixelstat.formats import field_values as values
from pixelstat.formats.builtin import nginx_json
from pixelstat.formats.field_names import Path, is_header, names_of
from pixelstat.formats.json import ALL_ITEMS, FIRST_ITEM, JsonFormat
from pixelstat.formats.json_columns import Columns, bare_path, list_leaves
from pixelstat.formats.json_keys import (
    Kind,
    choose_agent,
    choose_client,
    choose_host,
    choose_key,
    choose_status,
    choose_time,
    choose_url,
    find_kind,
)
from pixelstat.formats.json_text import AROUND_OBJECT, parse_object
from pixelstat.formats.request_url import build_url
from pixelstat.formats.unfolding import unfold
from pixelstat.formats.w3c import decode_user_agent
from pixelstat.frames.lookup import replace_where

NAME = "json"
MAX_OBJECTS = 1_000  # from which the keys are inferred
MAX_ALIKE = 50  # of these objects with the same keys


def infer_json_format(lines: Iterable[str], client_header: str | None = None) -> JsonFormat | None:
    """Return the format of the most common kind of request among JSON lines, or None if no line is a request.

    `client_header` is the header that replaces X-Forwarded-For. Objects with parts to unfold have no format.
    """
    groups: dict[frozenset[Path], list[dict[Path, str]]] = {}  # objects with the same keys
    sizes: Counter[frozenset[Path]] = Counter()
    for line in lines:
        if line.lstrip(AROUND_OBJECT).startswith("{") and (value := parse_object(line)):
            if unfold(value, line):
                return None  # the query or the headers would be lost
            leaves = dict(list_leaves(value))
            keys = frozenset(leaves)
            sizes[keys] += 1
            if sizes[keys] <= MAX_ALIKE:
                groups.setdefault(keys, []).append(leaves)
        if sizes.total() == MAX_OBJECTS:
            break
    kinds: Counter[Kind] = Counter()
    alike: dict[Kind, list[Columns]] = {}
    for keys, group in groups.items():
        if kind := find_kind(columns := Columns(group)):
            kinds[kind] += sizes[keys]
            alike.setdefault(kind, []).append(columns)
    if not kinds:
        return None
    first, *others = alike[kinds.most_common(1)[0][0]]
    every = Columns([row for columns in (first, *others) for row in columns.rows]) if others else first
    return _build_format(every, client_header)


def _build_format(columns: Columns, client_header: str | None) -> JsonFormat:
    """Return the format of lines of one kind."""
    chosen: dict[str, Path | None] = {
        **choose_time(columns),
        "client": choose_client(columns),
        "vhost": choose_host(columns),
        "request": None,
        "method": choose_key(columns, "method", values.is_method),
        "target": None,
        "args": None,
        **choose_url(columns),
        "status": choose_status(columns),
        "bytes": choose_key(columns, "bytes", values.is_number),
        "referrer": choose_key(columns, "referrer", lambda text: not text.isdigit()),
        "user_agent": choose_agent(columns),
        **{
            name: choose_key(columns, name, bool)
            for name in ("forwarded_for", "cookies", "dnt", "gpc", "purpose", "request_id")
        },
    }
    if ("webaclId",) in columns.values:
        chosen["action"] = ("action",)
    if (path := chosen.get("time_any")) and not all(map(values.is_usual_time, columns.values[path])):
        chosen = {"time_unusual": chosen.pop("time_any"), **chosen}
    if (path := chosen["target"]) and not columns.looks_like(path, values.is_target):
        chosen |= {"bare_target": path, "target": None}
    if client_header:
        chosen["forwarded_for"] = next(
            (path for path in columns.values if is_header(bare_path(path), client_header)), None
        )
    elif _equals_nginx_json(columns, chosen):
        return nginx_json.FORMAT
    if path := chosen["forwarded_for"]:  # each proxy can add a header of its own, so all items count
        chosen["forwarded_for"] = (*path[:-1], path[-1].replace(FIRST_ITEM, ALL_ITEMS))
    if not chosen["client"] and chosen["forwarded_for"]:
        del chosen["client"]  # the first address of the header stands in for it
    status = chosen["status"]
    keys = {name: (path,) if path else () for name, path in chosen.items()}
    is_cloudfront = any(names_of(path)[0] == "xedgelocation" for path in columns.values)
    args = chosen.get("args")
    is_encoded = args is not None and any("%3D" in text and "=" not in text for text in columns.values[args])
    about = ", ".join(f"{_TITLES.get(name, name)} {'.'.join(path)}" for name, path in chosen.items() if path)
    required = tuple(
        (path[-1].removesuffix(FIRST_ITEM),)
        for name in ("time_any", "time_unusual", "date", "clock")
        if (path := chosen.get(name))
    )
    return JsonFormat(
        NAME,
        keys,
        f"{about}, percent signs as CloudFront encodes them" if is_cloudfront else about,
        required,
        status_optional=not status or len(columns.values[status]) < len(columns.rows),
        finish=_finish_cloudfront if is_cloudfront else _finish_encoded if is_encoded else _finish,
    )


_TITLES = {
    "time_any": "time",
    "time_unusual": "unusual time",
    "bare_target": "URL without scheme",
    "vhost": "host",
    "target": "URL",
    "other_target": "or",
    "args": "query",
}


def _equals_nginx_json(columns: Columns, chosen: dict[str, Path | None]) -> bool:
    """Return whether `nginx_json` reads the same keys, apart from names that these lines lack."""
    status = chosen["status"]
    if "time_any" not in chosen or not status or not columns.values[status]:
        return False
    if not {"bare_target", "other_target", "action"}.isdisjoint(chosen):
        return False
    if not chosen["client"] and chosen["forwarded_for"]:
        return False
    for name, keys in nginx_json.FORMAT.keys.items():
        first = next(((key,) for key in keys if isinstance(key, str) and columns.values.get((key,))), None)
        path = chosen.get(name)
        if first != (path if path and columns.values.get(path) else None):
            return False
    return True


def _finish(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Turn the values of inferred keys into the fields that all formats have in common."""
    names = fields.collect_schema().names()
    if "date" in names:
        fields = fields.with_columns(time_unusual=pl.concat_str("date", pl.lit(" "), "clock")).drop("date", "clock")
    if "other_target" in names:
        has_query = pl.col("target").str.contains("?", literal=True)
        is_better = ~has_query & pl.col("other_target").str.contains("?", literal=True)
        fields = fields.with_columns(target=pl.when(is_better).then("other_target").otherwise("target"))
    if "action" in names:  # AWS WAF logs the requests that it blocks without their status
        is_blocked = pl.col("action").is_in(["BLOCK", "CAPTCHA", "CHALLENGE"]) & pl.col("status").is_null()
        fields = fields.with_columns(status=pl.when(is_blocked).then(pl.lit(403, pl.Int16)).otherwise("status"))
    if "bare_target" in names:
        target = pl.col("bare_target")
        is_complete = target.str.starts_with("/") | target.str.contains("://", literal=True)
        target = pl.when(is_complete).then(target).otherwise("http://" + target)
        fields = fields.with_columns(target=target).drop("bare_target")
    fields = fields.with_columns(_unquote(pl.col(name)).alias(name) for name in ("referrer", "user_agent"))
    fields = replace_where(fields, ["user_agent"], _is_encoded_agent, decode_user_agent)
    fields = replace_where(fields, ["referrer"], lambda text: text.str.contains(r"^https?%3[Aa]"), decode_user_agent)
    return build_url(fields)


def _finish_cloudfront(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Finish the fields of CloudFront, which percent-encodes the percent signs of a URL again."""
    return _finish(
        fields.with_columns(pl.col(name).str.replace_all("%25", "%", literal=True) for name in ("target", "args"))
    )


def _finish_encoded(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Do the same for logs whose queries have encoded delimiters, as Akamai may write them. They are decoded once."""
    args = pl.col("args")
    is_encoded = args.str.contains("%3D", literal=True) & ~args.str.contains("=", literal=True)
    decoded = args.str.replace_many(["%3D", "%26", "%25", "%2B"], ["=", "&", "%", "+"])
    return _finish(fields.with_columns(args=pl.when(is_encoded).then(decoded).otherwise(args)))


def _unquote(text: pl.Expr) -> pl.Expr:
    """Return the text without the quotes that some collectors keep around it."""
    is_quoted = text.str.starts_with('"') & text.str.ends_with('"') & (text.str.len_bytes() > 1)
    return pl.when(is_quoted).then(text.str.strip_chars('"')).otherwise(text)


def _is_encoded_agent(text: pl.Expr) -> pl.Expr:
    return text.str.contains("%20", literal=True) & ~text.str.contains(" ", literal=True)

"""Infer the keys of a JSON log from its first lines: by known names, then by the form of the values.

    {"client_ip": "203.0.113.7", "at": "2026-09-07T10:00:00Z", "url": "/pixel.gif?e=pv", "response_status": 200}

A key with a known name gives a field only if its values have the form of the field. A key with an unknown name gives a
field only if no other key can. The result is a `JsonFormat` with exactly these keys, so the log is read as fast as one
of a built-in format.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

import polars as pl

from pixelstat.formats import field_values as values
from pixelstat.formats.builtin import nginx_json
from pixelstat.formats.field_names import Path, is_header, names_of, rank_name
from pixelstat.formats.json import ALL_ITEMS, FIRST_ITEM, JsonFormat
from pixelstat.formats.json_text import AROUND_OBJECT, parse_object, to_text
from pixelstat.formats.request_url import build_url
from pixelstat.formats.unfolding import unfold
from pixelstat.formats.w3c import decode_user_agent
from pixelstat.frames.lookup import replace_where
from pixelstat.text.addresses import split_addresses

NAME = "json"
MAX_OBJECTS = 1_000  # from which the keys are inferred
MAX_ALIKE = 50  # of these objects with the same keys
MAX_DEPTH = 6  # of objects in objects
MIN_SHARE = 0.8  # of the values of a key that must have the form of the field
Predicate = Callable[[str], bool]
Kind = tuple[tuple[str, Path], ...]  # the fields that make an object a request, with their keys


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
            leaves = dict(_list_leaves(value))
            keys = frozenset(leaves)
            sizes[keys] += 1
            if sizes[keys] <= MAX_ALIKE:
                groups.setdefault(keys, []).append(leaves)
        if sizes.total() == MAX_OBJECTS:
            break
    kinds: Counter[Kind] = Counter()
    alike: dict[Kind, list[Columns]] = {}
    for keys, group in groups.items():
        if kind := _find_kind(columns := Columns(group)):
            kinds[kind] += sizes[keys]
            alike.setdefault(kind, []).append(columns)
    if not kinds:
        return None
    first, *others = alike[kinds.most_common(1)[0][0]]
    every = Columns([row for columns in (first, *others) for row in columns.rows]) if others else first
    return _build_format(every, client_header)


def _list_leaves(value: dict[str, object], above: Path = ()) -> Iterable[tuple[Path, str]]:
    """Yield the texts and numbers of an object with the keys that lead to them. Arrays give their first item."""
    for name, member in value.items():
        if not name.isprintable() or "*" in name or name.startswith("^") or name.endswith((FIRST_ITEM, ALL_ITEMS)):
            continue  # Polars would read the name as a pattern, or `_bare_name` would cut it
        if isinstance(member, dict):
            if len(above) < MAX_DEPTH:
                yield from _list_leaves(member, (*above, name))
        elif isinstance(member, list):
            items = [text for item in member if (text := to_text(item)) is not None]
            if items:
                yield (*above, name + FIRST_ITEM), items[0]
        elif not isinstance(member, bool):
            yield (*above, name), to_text(member) or ""


@dataclass(frozen=True)
class Columns:
    """The values that the first lines have under each key."""

    rows: Sequence[dict[Path, str]]

    @cached_property
    def values(self) -> dict[Path, list[str]]:
        """The values of each key, without absent ones."""
        by_path: dict[Path, list[str]] = {}
        for row in self.rows:
            for path, text in row.items():
                texts = by_path.setdefault(path, [])
                if text not in values.ABSENT:
                    texts.append(text)
        return by_path

    def looks_like(self, path: Path, predicate: Predicate) -> bool:
        """Return whether the key has values, and the predicate is true for nearly all of them."""
        texts = self.values[path]
        return bool(texts) and sum(map(predicate, texts)) >= MIN_SHARE * len(texts)

    def find_by_name(self, field: str, predicate: Predicate) -> list[Path]:
        """Return the keys that have a known name of the field, the best name first.

        The predicate must be true for their values. Keys without any value come last.
        """
        named = _rank_keys(tuple(self.values), field)
        with_values = [path for path in named if self.looks_like(path, predicate)]
        return with_values + [path for path in named if not self.values[path]]

    def find_by_values(self, predicate: Predicate, exclude: re.Pattern[str], taken: Iterable[Path] = ()) -> list[Path]:
        """Return the keys with values of this form, except taken keys and keys whose words match `exclude`."""
        return [
            path
            for path in self.values
            if path not in taken and not exclude.search(_spell(path)) and self.looks_like(path, predicate)
        ]


@lru_cache(MAX_OBJECTS)
def _rank_keys(paths: Sequence[Path], field: str) -> Sequence[Path]:
    """Return those of the keys that have a known name of the field, the best name first."""
    ranks = {path: rank for path in paths if (rank := rank_name(_bare(path), field)) is not None}
    return sorted(ranks, key=lambda path: (ranks[path], len(path)))


def _bare(path: Path) -> Path:
    return (*path[:-1], path[-1].removesuffix(FIRST_ITEM))


def _spell(path: Path) -> str:
    """Return the words of the path in lower case, with blanks between them."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", " ".join(path)).lower()


# -- requests ------------------------------------------------------------------------------------------------


def _find_kind(columns: Columns) -> Kind | None:
    """Return the keys of the time and the URL of objects, or None if they are not requests."""
    time, url = _choose_time(columns), _choose_url(columns)
    if not time or not url or _is_envelope(columns, url) or _has_unknown_status(columns):
        return None
    # Other logs have a time and a path too, so another field must show that the object is a request.
    if not (
        "request" in url
        or columns.find_by_name("status", values.is_status)
        or _choose_client(columns)
        or _choose(columns, "method", values.is_method)
        or _choose(columns, "user_agent", bool)
    ):
        return None
    return (*time.items(), *((name, path) for name, path in url.items() if name in ("request", "target")))


# `_NOT_...` match words of keys that do not hold the field, although their values have its form.
_NOT_TIME = re.compile(
    r"\b(?:cert|certificate|expir\w*|not (?:after|before)|modified|birth\w*|issued|valid|updated|until|ttl)"
)
_TIME_WORD = re.compile(r"\b(?:t|ts|at|on|when|epoch\w*|\w*time\w*|\w*stamp\w*|\w*date\w*)\b")


def _choose_time(columns: Columns) -> dict[str, Path]:
    """Return the key of the time, or the keys of date and clock. Return none if several keys can be the time."""
    if candidates := [path for path in columns.find_by_name("time_any", values.is_time) if columns.values[path]]:
        return {"time_any": candidates[0]}
    date, clock = _choose(columns, "date", values.is_date), _choose(columns, "clock", values.is_clock)
    if date and clock:
        return {"date": date, "clock": clock}
    texts = columns.find_by_values(values.is_time_text, _NOT_TIME)
    if texts and _are_close([columns.values[path][0] for path in texts]):
        return {"time_any": texts[0]}
    numbers = [path for path in columns.find_by_values(values.is_time, _NOT_TIME) if _TIME_WORD.search(_spell(path))]
    return {"time_any": numbers[0]} if not texts and len(numbers) == 1 else {}


def _are_close(times: Sequence[str]) -> bool:
    """Return whether times lie within one minute, so that any of them can be the time of the request."""
    if len(times) == 1:
        return True
    try:
        parsed = [datetime.fromisoformat(text).timestamp() for text in times]
    except ValueError:
        return False
    return max(parsed) - min(parsed) <= 60


_NOT_URL = re.compile(
    r"\b(?:file\w*|dir\w*|doc\w*|root|script\w*|log|pid|route\w*|template|handler|resource|referr?er|ref|page|origin|"
    r"upstream\w*|backend\w*|location|redirect\w*|pattern|rule|object|key|image|process|socket|exec\w*|cgroup|source|"
    r"message|msg|line|label|labels|agent|useragent|ua)\b"
)


def _choose_url(columns: Columns) -> dict[str, Path]:
    """Return the keys of request line, target and query. Return none if no key, or several, can hold the URL."""
    chosen: dict[str, Path] = {}
    request = _choose(columns, "request", values.is_request)
    if not request:
        unknown = columns.find_by_values(lambda text: values.is_request(text) and " HTTP/" in text, _NOT_URL)
        request = unknown[0] if len(unknown) == 1 else None
    targets = [path for path in columns.find_by_name("target", _is_any_target) if columns.values[path]]
    if not targets:  # some servers name the target `request`
        targets = [path for path in columns.find_by_name("request", _is_any_target) if columns.values[path]]
    if not targets and not request:
        unknown = columns.find_by_values(values.is_target, _NOT_URL)
        with_query = [path for path in unknown if _has_query(columns, path)]
        targets = next((paths for paths in (with_query, unknown) if len(paths) == 1), [])
    if request:
        chosen["request"] = request
    if targets:
        chosen["target"] = next((path for path in targets if _has_query(columns, path)), targets[0])
        if other := _choose_other_target(columns, chosen, targets):
            chosen["other_target"] = other
    if chosen and (args := _choose_query(columns, [*chosen.values()])):
        chosen["args"] = args
    return {} if _lacks_query(columns, chosen) else chosen


def _is_any_target(text: str) -> bool:
    return values.is_target(text) or values.is_schemeless(text)


def _choose_other_target(columns: Columns, chosen: dict[str, Path], targets: Sequence[Path]) -> Path | None:
    """Return another key of the target, or None if the chosen keys cannot lack the query.

    In later lines it can hold the query that a key such as `path` lacks.
    """
    names = names_of(chosen["target"])
    if "request" in chosen or not _PATH_NAMES.intersection(names):
        return None
    return next(
        (path for path in targets if path != chosen["target"] and columns.looks_like(path, values.is_target)), None
    )


_PATH_NAMES = frozenset({"path", "urlpath", "requestpath", "uripath", "pathname", "httppath", "url", "uri"})
_GATEWAY_NAMES = frozenset({"routekey", "resourcepath", "apiid", "requestcontextresourcepath"})


def _lacks_query(columns: Columns, chosen: dict[str, Path]) -> bool:
    """Return whether this is a log of API Gateway without queries, in which a purchase looks like a page view."""
    if "args" in chosen or any(_has_query(columns, path) for path in chosen.values()):
        return False
    return any(not _GATEWAY_NAMES.isdisjoint(names_of(path)) for path in columns.values)


def _has_query(columns: Columns, path: Path) -> bool:
    return any("?" in text for text in columns.values[path])


_NOT_QUERY = re.compile(
    r"\b(?:cookies?|referr?er|ref|trace\w*|labels?|tags?|upstream\w*|message|msg|user agent|agent|body|tls|ssl|headers?)\b"
)
_QUERY_WORD = re.compile(r"query|args|param|search|\bqs\b")


def _choose_query(columns: Columns, taken: Sequence[Path]) -> Path | None:
    """Return the key of the query, or None if the URL holds the query, or several keys can hold it."""
    candidates = columns.find_by_name(
        "args", lambda text: not text.startswith("/") and "://" not in text.partition("?")[0]
    )
    if candidates and columns.values[candidates[0]]:
        return candidates[0]
    if all(_has_query(columns, path) for path in taken[:1]):
        return candidates[0] if candidates else None
    unknown = columns.find_by_values(values.is_query, _NOT_QUERY, taken)
    named = [path for path in unknown if _QUERY_WORD.search(_spell(path))]
    marked = [path for path in unknown if any("&" in text or text.startswith("?") for text in columns.values[path])]
    return next((paths[0] for paths in (named, marked) if len(paths) == 1), candidates[0] if candidates else None)


_WRAPPED = re.compile(r'"?[A-Z]{3,7} \S+ HTTP/\d|\[\d\d/[A-Z][a-z]{2}/\d{4}:|^\s*\{"')
_ENVELOPE_NAMES = frozenset(
    {"log", "message", "msg", "line", "@message", "textpayload", "eventoriginal", "original", "raw"}
)


def _is_envelope(columns: Columns, url: dict[str, Path]) -> bool:
    """Return whether the objects hold lines of another log, whose URLs differ from those of the objects."""
    paths = [path for name, path in url.items() if name != "args"]
    for row in columns.rows:
        own = [row.get(path, "").partition("?")[0] for path in paths]
        for path, text in row.items():
            if path in paths or _ENVELOPE_NAMES.isdisjoint(names_of(path)) or not _WRAPPED.search(text):
                continue
            if not any(part and part in text for part in own):
                return True
    return False


# -- the other fields ----------------------------------------------------------------------------------------


def _choose(columns: Columns, field: str, predicate: Predicate) -> Path | None:
    """Return the key with the best known name of the field, or None."""
    return next(iter(columns.find_by_name(field, predicate)), None)


_NOT_CLIENT = re.compile(
    r"\b(?:server\w*|upstream\w*|backend\w*|origin\w*|dest\w*|dst|target\w*|local\w*|listen\w*|host\w*|node\w*|pod\w*|peer|edge\w*|"
    r"pop|lb|balancer|gateway|router|resolver|dns|proxy|proxies|forward\w*|xff|via|socket|bind|endpoint|service|agent|machine|"
    r"collector|log|geo\w*|nat|vip|cluster|container|cache\w*|version|via|hop|chain|sni)\b"
)


def _choose_client(columns: Columns) -> Path | None:
    """Return the key of the client: one with a known name, or the only other key that holds IP addresses."""
    candidates = columns.find_by_name("client", _are_addresses)
    if candidates and columns.values[candidates[0]]:
        return candidates[0]
    if ("logicalUserName",) in columns.values and ("host",) in columns.values:  # of Tomcat, which calls the client so
        return ("host",)
    names = [path for path in columns.find_by_name("client", values.is_host_name) if _may_be_host_name(path)]
    if names and columns.values[names[0]]:
        return names[0]
    unknown = columns.find_by_values(_is_full_address, _NOT_CLIENT)
    return unknown[0] if len(unknown) == 1 else None


def _may_be_host_name(path: Path) -> bool:
    return bool({"remotehost", "remoteaddr", "clienthost"} & set(names_of(path)))


def _is_full_address(text: str) -> bool:
    """Return whether the text is an IP address that cannot be mistaken for a number or a word of hex digits."""
    return values.is_address(text) and (text.count(".") == 3 or text.count(":") > 1)


def _are_addresses(text: str) -> bool:
    """Return whether the text is an IP address or a list of them, as proxies write it."""
    return all(map(values.is_address, split_addresses(text) or [text]))


_NOT_STATUS = re.compile(
    r"\b(?:upstream\w*|backend\w*|origin\w*|cache\w*|grpc|tls|ssl|error\w*|exit|sub\w*|win32|target|country|region|port)\b"
)
_STATUS_WORD = re.compile(r"status|\bcode\b|\b(?:s|st|sc|rc|resp|result)\b")


def _choose_status(columns: Columns) -> Path | None:
    """Return the key of the status: one with a known name, or the only other key with a similar name and values."""
    if candidates := columns.find_by_name("status", values.is_status):
        return candidates[0]
    unknown = [
        path for path in columns.find_by_values(values.is_status, _NOT_STATUS) if _STATUS_WORD.search(_spell(path))
    ]
    return unknown[0] if len(unknown) == 1 else None


def _has_unknown_status(columns: Columns) -> bool:
    """Return whether a key is named status but no key has values of one, so that failed requests would count."""
    return not _choose_status(columns) and any(
        texts and rank_name(_bare(path), "status") is not None and "status" in _spell(path)
        for path, texts in columns.values.items()
    )


_USUAL_AGENT = re.compile(r"\"?Mozilla(?:/|%2F)\d")


def _choose_agent(columns: Columns) -> Path | None:
    """Return the key of the user agent: one with a known name, or the only other key with agents of browsers."""
    if candidates := columns.find_by_name("user_agent", lambda text: not text.isdigit()):
        return candidates[0]
    unknown = columns.find_by_values(lambda text: _USUAL_AGENT.match(text) is not None, re.compile("original request"))
    return unknown[0] if len(unknown) == 1 else None


def _choose_host(columns: Columns) -> Path | None:
    """Return the key of the requested host. A key with only IP addresses can be the client, so it does not count."""
    candidates = columns.find_by_name("vhost", values.is_host_name)
    return next((path for path in candidates if not columns.looks_like(path, values.is_address)), None)


# -- the format ----------------------------------------------------------------------------------------------


def _build_format(columns: Columns, client_header: str | None) -> JsonFormat:
    """Return the format of lines of one kind."""
    chosen: dict[str, Path | None] = {
        **_choose_time(columns),
        "client": _choose_client(columns),
        "vhost": _choose_host(columns),
        "request": None,
        "method": _choose(columns, "method", values.is_method),
        "target": None,
        "args": None,
        **_choose_url(columns),
        "status": _choose_status(columns),
        "bytes": _choose(columns, "bytes", values.is_number),
        "referrer": _choose(columns, "referrer", lambda text: not text.isdigit()),
        "user_agent": _choose_agent(columns),
        **{
            name: _choose(columns, name, bool)
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
        chosen["forwarded_for"] = next((path for path in columns.values if is_header(_bare(path), client_header)), None)
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
    "bare_target": "address without scheme",
    "vhost": "host",
    "target": "address",
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

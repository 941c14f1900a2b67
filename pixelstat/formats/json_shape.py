"""Infer the keys of a JSON log from its first lines: by names that are known, then by what the values look like.

    {"client_ip": "203.0.113.7", "at": "2026-09-07T10:00:00Z", "url": "/pixel.gif?e=pv", "response_status": 200}

A key is taken for a field only if its values can be that. Where an unknown name leaves two readings, none is taken.
The result is a `JsonFormat` with exactly these keys, so the log is read as fast as one whose format is built in.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

from pixelstat.formats import field_values as values
from pixelstat.formats.builtin import nginx_json
from pixelstat.formats.field_names import Path, is_header, names_of, rank_name
from pixelstat.formats.json import ALL_ITEMS, FIRST_ITEM, JsonFormat
from pixelstat.formats.json_text import AROUND_OBJECT, parse_object, to_text
from pixelstat.formats.request_url import build_url
from pixelstat.formats.w3c import decode_user_agent
from pixelstat.frames.lookup import replace_where

NAME = "json"
MAX_OBJECTS = 1_000  # that are looked at
MAX_ALIKE = 50  # of those with the same keys
MAX_DEPTH = 6  # of objects in objects
MIN_SHARE = 0.8  # of the values of a key that must look like those of the field
Judge = Callable[[str], bool]
Kind = tuple[tuple[str, Path], ...]  # the fields that make an object a request, with their keys


def infer_json_format(lines: Iterable[str], client_header: str | None = None) -> JsonFormat | None:
    """Return the format of the most common kind of request among JSON lines, or None if no line is a request.

    `client_header` is the header that takes the place of X-Forwarded-For.
    """
    groups: dict[frozenset[Path], list[dict[Path, str]]] = {}  # objects with the same keys
    sizes: Counter[frozenset[Path]] = Counter()
    for line in lines:
        if line.lstrip(AROUND_OBJECT).startswith("{") and (value := parse_object(line)):
            leaves = dict(_list_leaves(value))
            keys = frozenset(leaves)
            sizes[keys] += 1
            if sizes[keys] <= MAX_ALIKE:
                groups.setdefault(keys, []).append(leaves)
        if sizes.total() == MAX_OBJECTS:
            break
    kinds: Counter[Kind] = Counter()
    objects: dict[Kind, list[dict[Path, str]]] = {}
    for keys, group in groups.items():
        if kind := _find_kind(Columns(group)):
            kinds[kind] += sizes[keys]
            objects.setdefault(kind, []).extend(group)
    return _build_format(Columns(objects[kinds.most_common(1)[0][0]]), client_header) if kinds else None


def _list_leaves(value: dict[str, object], above: Path = ()) -> Iterable[tuple[Path, str]]:
    """Yield the texts and numbers of an object with the keys that lead to them. Arrays give their first item."""
    for name, member in value.items():
        if not name.isprintable() or "*" in name or name.startswith("^") or name.endswith((FIRST_ITEM, ALL_ITEMS)):
            continue  # Polars cannot select them
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
        """The values that are not absent, by the keys that lead to them."""
        by_path: dict[Path, list[str]] = {}
        for row in self.rows:
            for path, text in row.items():
                texts = by_path.setdefault(path, [])
                if text not in values.ABSENT:
                    texts.append(text)
        return by_path

    def looks_like(self, path: Path, judge: Judge) -> bool:
        """Return whether the key has values, and nearly all look as asked."""
        texts = self.values[path]
        return bool(texts) and sum(map(judge, texts)) >= MIN_SHARE * len(texts)

    def find_known(self, field: str, judge: Judge) -> list[Path]:
        """Return the keys with a known name of the field and values that look like it, the best name first.

        Keys without any value come last.
        """
        ranked = []
        for path, texts in self.values.items():
            rank = rank_name(_bare(path), field)
            if rank is not None and (not texts or self.looks_like(path, judge)):
                ranked.append((not texts, rank, len(path), path))
        return [path for *_, path in sorted(ranked, key=lambda entry: entry[:3])]

    def find_unknown(self, judge: Judge, exclude: re.Pattern[str], taken: Iterable[Path] = ()) -> list[Path]:
        """Return the other keys whose values look as asked, and whose names do not say that they are something else."""
        return [
            path
            for path in self.values
            if path not in taken and not exclude.search(_spell(path)) and self.looks_like(path, judge)
        ]


def _bare(path: Path) -> Path:
    return (*path[:-1], path[-1].removesuffix(FIRST_ITEM))


def _spell(path: Path) -> str:
    """Return the path in lower case, its words apart."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", " ".join(path)).lower()


# -- what makes a line a request -----------------------------------------------------------------------------


def _find_kind(columns: Columns) -> Kind | None:
    """Return the keys of time and address of objects, or None if they are no requests."""
    time, address = _choose_time(columns), _choose_address(columns)
    if not time or not address or _wraps_another(columns, address) or _has_unknown_status(columns):
        return None
    # A time and a path alone are no access log: something must say that this was a request.
    if not (
        "request" in address
        or columns.find_known("status", values.is_status)
        or _choose_client(columns)
        or _choose(columns, "method", values.is_method)
        or _choose(columns, "user_agent", bool)
    ):
        return None
    return (*time.items(), *((name, path) for name, path in address.items() if name in ("request", "target")))


_NO_TIME = re.compile(
    r"\b(?:cert|certificate|expir\w*|not (?:after|before)|modified|birth\w*|issued|valid|updated|until|ttl)"
)
_TIME_WORD = re.compile(r"\b(?:t|ts|at|on|when|epoch\w*|\w*time\w*|\w*stamp\w*|\w*date\w*)\b")


def _choose_time(columns: Columns) -> dict[str, Path]:
    """Return the key of the time, or those of date and clock. Empty if there is none or not one only."""
    if candidates := [path for path in columns.find_known("time_any", values.is_time) if columns.values[path]]:
        return {"time_any": candidates[0]}
    date, clock = _choose(columns, "date", values.is_date), _choose(columns, "clock", values.is_clock)
    if date and clock:
        return {"date": date, "clock": clock}
    texts = columns.find_unknown(values.is_time_text, _NO_TIME)
    if texts and _are_close([columns.values[path][0] for path in texts]):
        return {"time_any": texts[0]}
    numbers = [path for path in columns.find_unknown(values.is_time, _NO_TIME) if _TIME_WORD.search(_spell(path))]
    return {"time_any": numbers[0]} if not texts and len(numbers) == 1 else {}


def _are_close(times: Sequence[str]) -> bool:
    """Return whether the first of several times may be read for all: they are of one minute, or there is only one."""
    if len(times) == 1:
        return True
    try:
        parsed = [datetime.fromisoformat(text).timestamp() for text in times]
    except ValueError:
        return False
    return max(parsed) - min(parsed) <= 60


_NO_ADDRESS = re.compile(
    r"\b(?:file\w*|dir\w*|doc\w*|root|script\w*|log|pid|route\w*|template|handler|resource|referr?er|ref|page|origin|"
    r"upstream\w*|backend\w*|location|redirect\w*|pattern|rule|object|key|image|process|socket|exec\w*|cgroup|source|"
    r"message|msg|line|label|labels)\b"
)


def _choose_address(columns: Columns) -> dict[str, Path]:
    """Return the keys of request line, target and query. Empty if there is no address, or not one only."""
    chosen: dict[str, Path] = {}
    request = _choose(columns, "request", values.is_request)
    if not request:
        unknown = columns.find_unknown(lambda text: values.is_request(text) and " HTTP/" in text, _NO_ADDRESS)
        request = unknown[0] if len(unknown) == 1 else None
    targets = [
        path
        for path in columns.find_known("target", lambda text: values.is_target(text) or values.is_schemeless(text))
        if columns.values[path]
    ]
    if not targets:  # some servers call the target itself a request
        targets = [path for path in columns.find_known("request", values.is_target) if columns.values[path]]
    if not targets and not request:
        unknown = columns.find_unknown(values.is_target, _NO_ADDRESS)
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


def _choose_other_target(columns: Columns, chosen: dict[str, Path], targets: Sequence[Path]) -> Path | None:
    """Return another key of the target that may hold the query in later lines, if the chosen one may lack it."""
    names = names_of(chosen["target"])
    if "request" in chosen or not _PATH_NAMES.intersection(names):
        return None
    return next(
        (path for path in targets if path != chosen["target"] and columns.looks_like(path, values.is_target)), None
    )


_PATH_NAMES = frozenset({"path", "urlpath", "requestpath", "uripath", "pathname", "httppath", "url", "uri"})
_GATEWAY_NAMES = frozenset({"routekey", "resourcepath", "apiid", "requestcontextresourcepath"})


def _lacks_query(columns: Columns, chosen: dict[str, Path]) -> bool:
    """Return whether the log is one of API Gateway without queries: it can log paths only, so purchases look like views."""
    if "args" in chosen or any(_has_query(columns, path) for path in chosen.values()):
        return False
    return any(not _GATEWAY_NAMES.isdisjoint(names_of(path)) for path in columns.values)


def _has_query(columns: Columns, path: Path) -> bool:
    return any("?" in text for text in columns.values[path])


_NO_QUERY = re.compile(
    r"\b(?:cookies?|referr?er|ref|trace\w*|labels?|tags?|upstream\w*|message|msg|user agent|agent|body|tls|ssl|headers?)\b"
)
_QUERY_WORD = re.compile(r"query|args|param|search|\bqs\b")


def _choose_query(columns: Columns, taken: Sequence[Path]) -> Path | None:
    """Return the key of the query, or None if the address holds it or two keys may."""
    candidates = columns.find_known(
        "args", lambda text: not text.startswith("/") and "://" not in text.partition("?")[0]
    )
    if candidates and columns.values[candidates[0]]:
        return candidates[0]
    if all(_has_query(columns, path) for path in taken[:1]):
        return candidates[0] if candidates else None
    unknown = columns.find_unknown(values.is_query, _NO_QUERY, taken)
    named = [path for path in unknown if _QUERY_WORD.search(_spell(path))]
    marked = [path for path in unknown if any("&" in text or text.startswith("?") for text in columns.values[path])]
    return next((paths[0] for paths in (named, marked) if len(paths) == 1), candidates[0] if candidates else None)


_WRAPPED = re.compile(r'"?[A-Z]{3,7} \S+ HTTP/\d|\[\d\d/[A-Z][a-z]{2}/\d{4}:|^\s*\{"')
_ENVELOPE_NAMES = frozenset(
    {"log", "message", "msg", "line", "@message", "textpayload", "eventoriginal", "original", "raw"}
)


def _wraps_another(columns: Columns, address: dict[str, Path]) -> bool:
    """Return whether the object is an envelope around the line of a log, which has another address than it."""
    own = [columns.values[path][0] for name, path in address.items() if name != "args"]
    for path, texts in columns.values.items():
        if path not in address.values() and not _ENVELOPE_NAMES.isdisjoint(names_of(path)):
            for text in texts:
                if _WRAPPED.search(text) and not any(part.partition("?")[0] in text for part in own):
                    return True
    return False


# -- the other fields ----------------------------------------------------------------------------------------


def _choose(columns: Columns, field: str, judge: Judge) -> Path | None:
    """Return the key with the best known name of the field."""
    return next(iter(columns.find_known(field, judge)), None)


_NO_CLIENT = re.compile(
    r"\b(?:server\w*|upstream\w*|backend\w*|origin\w*|dest\w*|dst|target\w*|local\w*|listen\w*|host\w*|node\w*|pod\w*|peer|edge\w*|"
    r"pop|lb|balancer|gateway|router|resolver|dns|proxy|proxies|forward\w*|xff|via|socket|bind|endpoint|service|agent|machine|"
    r"collector|log|geo\w*|nat|vip|cluster|container|cache\w*|version|via|hop|chain|sni)\b"
)


def _choose_client(columns: Columns) -> Path | None:
    """Return the key of the client's address: a known name, or the only other key that holds addresses."""
    candidates = columns.find_known("client", values.is_address)
    if candidates and columns.values[candidates[0]]:
        return candidates[0]
    names = [path for path in columns.find_known("client", values.is_host_name) if _may_be_host_name(path)]
    if names and columns.values[names[0]]:
        return names[0]
    unknown = columns.find_unknown(_is_full_address, _NO_CLIENT)
    return unknown[0] if len(unknown) == 1 else None


def _may_be_host_name(path: Path) -> bool:
    return bool({"remotehost", "remoteaddr", "clienthost"} & set(names_of(path)))


def _is_full_address(text: str) -> bool:
    """Return whether the text is an address that cannot be anything else, such as a number or a word of hex digits."""
    return values.is_address(text) and (text.count(".") == 3 or text.count(":") > 1)


_NO_STATUS = re.compile(
    r"\b(?:upstream\w*|backend\w*|origin\w*|cache\w*|grpc|tls|ssl|error\w*|exit|sub\w*|win32|target|country|region|port)\b"
)
_STATUS_WORD = re.compile(r"status|\bcode\b|\b(?:s|st|sc|rc|resp|result)\b")


def _choose_status(columns: Columns) -> Path | None:
    """Return the key of the status: a known name, or the only other key that is called one and looks like one."""
    if candidates := columns.find_known("status", values.is_status):
        return candidates[0]
    unknown = [path for path in columns.find_unknown(values.is_status, _NO_STATUS) if _STATUS_WORD.search(_spell(path))]
    return unknown[0] if len(unknown) == 1 else None


def _has_unknown_status(columns: Columns) -> bool:
    """Return whether the only key that is called a status holds something else: failed requests could not be told."""
    return not _choose_status(columns) and any(
        texts and rank_name(_bare(path), "status") is not None and "status" in _spell(path)
        for path, texts in columns.values.items()
    )


_USUAL_AGENT = re.compile(r"\"?Mozilla(?:/|%2F)\d")


def _choose_agent(columns: Columns) -> Path | None:
    """Return the key of the user agent: a known name, or the only other key that holds those of browsers."""
    if candidates := columns.find_known("user_agent", lambda text: not text.isdigit()):
        return candidates[0]
    unknown = columns.find_unknown(lambda text: _USUAL_AGENT.match(text) is not None, re.compile("original request"))
    return unknown[0] if len(unknown) == 1 else None


def _choose_host(columns: Columns) -> Path | None:
    """Return the key of the requested host. Addresses only may be those of clients, so they are no host."""
    candidates = columns.find_known("vhost", values.is_host_name)
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
        **_choose_address(columns),
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
        chosen["forwarded_for"] = next((path for path in columns.values if is_header(path, client_header)), None)
    elif _nginx_reads_same(columns, chosen):
        return nginx_json.FORMAT
    if path := chosen["forwarded_for"]:  # each proxy may add a header of its own
        chosen["forwarded_for"] = (*path[:-1], path[-1].replace(FIRST_ITEM, ALL_ITEMS))
    status = chosen["status"]
    keys = {name: (path,) if path else () for name, path in chosen.items()}
    is_cloudfront = any(names_of(path)[0] == "xedgelocation" for path in columns.values)
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
        finish=_finish_cloudfront if is_cloudfront else _finish,
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


def _nginx_reads_same(columns: Columns, chosen: dict[str, Path | None]) -> bool:
    """Return whether `nginx_json` would read the same keys. It also knows names that these lines do not have."""
    status = chosen["status"]
    if "time_any" not in chosen or not status or not columns.values[status]:
        return False
    if not {"bare_target", "other_target", "action"}.isdisjoint(chosen):
        return False
    for name, keys in nginx_json.FORMAT.keys.items():
        first = next(((key,) for key in keys if isinstance(key, str) and columns.values.get((key,))), None)
        path = chosen.get(name)
        if first != (path if path and columns.values.get(path) else None):
            return False
    return True


def _finish(fields: pl.LazyFrame) -> pl.LazyFrame:
    """Turn the values of inferred keys into the fields that all formats share."""
    names = fields.collect_schema().names()
    if "date" in names:
        fields = fields.with_columns(time_unusual=pl.concat_str("date", pl.lit(" "), "clock")).drop("date", "clock")
    if "other_target" in names:
        has_query = pl.col("target").str.contains("?", literal=True)
        is_better = ~has_query & pl.col("other_target").str.contains("?", literal=True)
        fields = fields.with_columns(target=pl.when(is_better).then("other_target").otherwise("target"))
    if "action" in names:  # a firewall answers what it blocks, but does not say how
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
    """Do the same for logs of CloudFront, which encodes the percent signs of an address once more."""
    return _finish(
        fields.with_columns(pl.col(name).str.replace_all("%25", "%", literal=True) for name in ("target", "args"))
    )


def _unquote(text: pl.Expr) -> pl.Expr:
    """Return the text without the quotes that some collectors keep around it."""
    is_quoted = text.str.starts_with('"') & text.str.ends_with('"') & (text.str.len_bytes() > 1)
    return pl.when(is_quoted).then(text.str.strip_chars('"')).otherwise(text)


def _is_encoded_agent(text: pl.Expr) -> pl.Expr:
    return text.str.contains("%20", literal=True) & ~text.str.contains(" ", literal=True)

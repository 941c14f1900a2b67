"""Choose the key of each field among those that the first lines of a JSON log have, by its name, then by its values.

A key counts for a field only if its values can be that. Where an unknown name leaves two readings, none is chosen.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from pixelstat.formats import field_values as values
from pixelstat.formats.field_names import Path, names_of, rank_name
from pixelstat.formats.json_columns import Columns, Predicate, bare_path, spell_path
from pixelstat.text.addresses import split_addresses

Kind = tuple[tuple[str, Path], ...]  # the fields that make an object a request, with their keys


# -- requests ------------------------------------------------------------------------------------------------


def find_kind(columns: Columns) -> Kind | None:
    """Return the keys of the time and the URL of objects, or None if they are not requests."""
    time, url = choose_time(columns), choose_url(columns)
    if not time or not url or _is_envelope(columns, url) or _has_unknown_status(columns):
        return None
    # Other logs have a time and a path too, so another field must show that the object is a request.
    if not (
        "request" in url
        or columns.find_by_name("status", values.is_status)
        or choose_client(columns)
        or choose_key(columns, "method", values.is_method)
        or choose_key(columns, "user_agent", bool)
    ):
        return None
    return (*time.items(), *((name, path) for name, path in url.items() if name in ("request", "target")))


# `_NOT_...` match words of keys that do not hold the field, although their values have its form.
_NOT_TIME = re.compile(
    r"\b(?:cert|certificate|expir\w*|not (?:after|before)|modified|birth\w*|issued|valid|updated|until|ttl)"
)
_TIME_WORD = re.compile(r"\b(?:t|ts|at|on|when|epoch\w*|\w*time\w*|\w*stamp\w*|\w*date\w*)\b")


def choose_time(columns: Columns) -> dict[str, Path]:
    """Return the key of the time, or the keys of date and clock. Return none if several keys can be the time."""
    if candidates := [path for path in columns.find_by_name("time_any", values.is_time) if columns.values[path]]:
        return {"time_any": candidates[0]}
    date, clock = choose_key(columns, "date", values.is_date), choose_key(columns, "clock", values.is_clock)
    if date and clock:
        return {"date": date, "clock": clock}
    texts = columns.find_by_values(values.is_time_text, _NOT_TIME)
    if texts and _are_close([columns.values[path][0] for path in texts]):
        return {"time_any": texts[0]}
    numbers = [
        path for path in columns.find_by_values(values.is_time, _NOT_TIME) if _TIME_WORD.search(spell_path(path))
    ]
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


def choose_url(columns: Columns) -> dict[str, Path]:
    """Return the keys of request line, target and query. Return none if no key, or several, can hold the URL."""
    chosen: dict[str, Path] = {}
    request = choose_key(columns, "request", values.is_request)
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
    named = [path for path in unknown if _QUERY_WORD.search(spell_path(path))]
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


def choose_key(columns: Columns, field: str, predicate: Predicate) -> Path | None:
    """Return the key with the best known name of the field, or None."""
    return next(iter(columns.find_by_name(field, predicate)), None)


_NOT_CLIENT = re.compile(
    r"\b(?:server\w*|upstream\w*|backend\w*|origin\w*|dest\w*|dst|target\w*|local\w*|listen\w*|host\w*|node\w*|pod\w*|peer|edge\w*|"
    r"pop|lb|balancer|gateway|router|resolver|dns|proxy|proxies|forward\w*|xff|via|socket|bind|endpoint|service|agent|machine|"
    r"collector|log|geo\w*|nat|vip|cluster|container|cache\w*|version|via|hop|chain|sni)\b"
)


def choose_client(columns: Columns) -> Path | None:
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


def choose_status(columns: Columns) -> Path | None:
    """Return the key of the status: one with a known name, or the only other key with a similar name and values."""
    if candidates := columns.find_by_name("status", values.is_status):
        return candidates[0]
    unknown = [
        path for path in columns.find_by_values(values.is_status, _NOT_STATUS) if _STATUS_WORD.search(spell_path(path))
    ]
    return unknown[0] if len(unknown) == 1 else None


def _has_unknown_status(columns: Columns) -> bool:
    """Return whether a key is named status but no key has values of one, so that failed requests would count."""
    return not choose_status(columns) and any(
        texts and rank_name(bare_path(path), "status") is not None and "status" in spell_path(path)
        for path, texts in columns.values.items()
    )


_USUAL_AGENT = re.compile(r"\"?Mozilla(?:/|%2F)\d")


def choose_agent(columns: Columns) -> Path | None:
    """Return the key of the user agent: one with a known name, or the only other key with agents of browsers."""
    if candidates := columns.find_by_name("user_agent", lambda text: not text.isdigit()):
        return candidates[0]
    unknown = columns.find_by_values(lambda text: _USUAL_AGENT.match(text) is not None, re.compile("original request"))
    return unknown[0] if len(unknown) == 1 else None


def choose_host(columns: Columns) -> Path | None:
    """Return the key of the requested host. A key with only IP addresses can be the client, so it does not count."""
    candidates = columns.find_by_name("vhost", values.is_host_name)
    return next((path for path in candidates if not columns.looks_like(path, values.is_address)), None)

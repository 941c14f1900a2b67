"""Name the parts of text lines that are alike: which is the request, the status, the client, by place and form."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pixelstat.formats.field_values import is_address, is_method, is_number, is_query, is_request
from pixelstat.formats.line_parts import Part
from pixelstat.text.addresses import split_addresses

_ABSENT = ("-", "")
REQUEST_VARIABLES = ("$request", "$absolute_request", "$request_uri", "$url", "$uri", "$args")
_STATUSES = re.compile(r"(?:10[0-3]|20[0-8]|226|30[0-8]|4[0-4]\d|45[01]|49\d|50\d|51[01]|52\d|530|599)")
_URL = re.compile(r"(?:https?|android-app|ios-app)://\S*")
_ABSOLUTE_REQUEST = re.compile(r"[A-Z][A-Z_-]* https?://")
_AGENT = re.compile(
    r"(?!https?://|unix:|HTTP/|TLS|SSL|(?:image|text|application|video|audio)/)[A-Za-z][\w .,:;!@+-]{0,60}/[\w.]+.*"
    r"|Mozilla.*|[A-Za-z][\w .-]*[bB]ot\b.*"
)
_HOST = re.compile(
    r"(?=[^.]*[A-Za-z-]|.*\.[A-Za-z]{2,}(?::|$))[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}(?::\d+)?"
)
_CLIENT_NAME = re.compile(r"(?=[^:]*[A-Za-z])[A-Za-z0-9_][A-Za-z0-9_.-]*(?::\d+)?")
_FILE = re.compile(r".*\.(?:gif|png|jpe?g|svg|webp|ico|js|css|html?|php|aspx?|jsp|txt|xml|json|log|gz|py|rb|go|sock)")
_PORT = re.compile(r"(?:[0-9.]+|\[.*\]):\d+")


@dataclass
class Columns:
    """The parts of lines that are alike, by their place, and the variables that name places."""

    lines: Sequence[str]
    parts: Sequence[Sequence[Part]]
    variables: dict[int, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of places."""
        return len(self.parts[0])

    def kind(self, place: int) -> str:
        """Return the kind of the parts at this place."""
        return self.parts[0][place].kind

    def texts(self, place: int) -> list[str]:
        """Return the texts at this place, without absent ones."""
        return [line[place].text for line in self.parts if line[place].text not in _ABSENT]

    def gap(self, place: int) -> str:
        """Return the text of the first line between the part in front of this place and the part here."""
        start = self.parts[0][place - 1].end if place else 0
        return self.lines[0][start : self.parts[0][place].start]

    def is_labelled(self, place: int, labels: str) -> bool:
        """Return whether the word in front of the place is one of these labels, which are a regular expression."""
        start = self.parts[0][place - 1].start if place else 0
        return re.search(rf"(?i)\b(?:{labels})[ =:]\[?$", self.lines[0][start : self.parts[0][place].start]) is not None

    def looks_like(self, place: int, pattern: re.Pattern[str]) -> bool:
        """Return whether there are texts at this place, and all of them match the whole pattern."""
        texts = self.texts(place)
        return bool(texts) and all(pattern.fullmatch(text) for text in texts)

    def last_place(self, *variables: str) -> int:
        """Return the last place of these variables. The lines must have one of them."""
        return max(place for place, variable in self.variables.items() if variable in variables)

    def is_free(self, place: int) -> bool:
        """Return whether the place exists and has no variable."""
        return 0 <= place < self.size and place not in self.variables


def name_parts(columns: Columns) -> bool:
    """Name the places whose meaning is clear. Return whether one of them is a request."""
    for place in range(columns.size):
        if variable := columns.parts[0][place].variable:
            columns.variables[place] = variable
    request = _name_request(columns)
    if request is None:
        return False
    _name_status(columns, request)
    _name_clients(columns, request)
    for start in (columns.last_place(*REQUEST_VARIABLES, "$status"), request):
        if "$http_user_agent" not in columns.variables.values():
            _name_agent(columns, start)
    _name_host(columns, columns.last_place(*REQUEST_VARIABLES))
    return True


def _name_request(columns: Columns) -> int | None:
    """Name the request line, or method, path and query. Return their last place, or None without a request."""
    for place in filter(columns.is_free, range(columns.size)):
        texts = columns.texts(place)
        if columns.kind(place) == "quoted" and any(text.startswith("\\x") for text in texts):
            return None  # bytes that are no HTTP came in the place of a request
        if texts and all(is_request(text) and " " in text for text in texts):
            is_absolute = all(map(_ABSOLUTE_REQUEST.match, texts))
            columns.variables[place] = "$absolute_request" if is_absolute else "$request"
            return place
    return _name_method_and_target(columns)


def _name_method_and_target(columns: Columns) -> int | None:
    """Name method, path and query that stand apart. Return the last place of them, or None where they are missing."""
    methods = [place for place in filter(columns.is_free, range(columns.size)) if _is_method_place(columns, place)]
    targets = [place for place in filter(columns.is_free, range(columns.size)) if _is_target_place(columns, place)]
    if not methods:
        return None
    targets = [place for place in targets if place > methods[0]]
    if not targets or _is_doubtful_method(columns, methods[0]):
        return None
    method, target = methods[0], targets[0]
    columns.variables[method] = "$request_method"
    is_absolute = any(_URL.match(text) for text in columns.texts(target))
    query = target + 1
    if columns.is_free(query) and not is_absolute and _holds_query(columns, target, query):
        columns.variables[target], columns.variables[query] = "$uri", "$args"
        return query
    if columns.is_free(query) and _continues_query(columns, query):
        return None
    columns.variables[target] = "$url" if is_absolute else "$request_uri"
    return target


def _is_doubtful_method(columns: Columns, place: int) -> bool:
    """Return whether the line around a method is ambiguous.

    In a W3C log without its header, any IP address can be that of the server. If a quote stands directly in front of
    the method, quotes are not escaped, so the beginnings of quoted texts are unclear.
    """
    is_w3c = "$date" in columns.variables.values()
    return columns.kind(place) == "word" and (is_w3c or columns.gap(place).endswith('"'))


def _is_method_place(columns: Columns, place: int) -> bool:
    texts = columns.texts(place)
    usual = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"}
    return bool(texts) and any(text in usual for text in texts) and all(map(is_method, texts))


def _is_target_place(columns: Columns, place: int) -> bool:
    texts = columns.texts(place)
    return bool(texts) and all((text.startswith("/") or _URL.match(text)) and not text.endswith(",") for text in texts)


def _holds_query(columns: Columns, target: int, query: int) -> bool:
    """Return whether the place behind the path is its query."""
    texts = columns.texts(query)
    return bool(texts) and all(map(is_query, texts)) and not any("?" in text for text in columns.texts(target))


def _continues_query(columns: Columns, place: int) -> bool:
    """Return whether a blank inside of the address ended it in front of this place."""
    is_next_word = columns.kind(place) == "word" and columns.gap(place) == " "
    return is_next_word and any(re.search("[&?]", text) and not _URL.match(text) for text in columns.texts(place))


def _name_status(columns: Columns, request: int) -> None:
    """Name the status, and the size of the answer directly behind it or behind a label."""
    places = [place for place in filter(columns.is_free, range(columns.size)) if columns.looks_like(place, _STATUSES)]
    if _lacks_answer(columns, request) and request + 2 not in places:
        places.insert(0, request + 1)
    behind = [place for place in places if place > request]
    before = [place for place in places if place < request]
    if not places:
        return
    if before and behind and any(columns.kind(place) == "quoted" for place in range(request + 1, behind[0])):
        return  # either may be another number
    status = behind[0] if behind else before[-1]
    columns.variables[status] = "$status"
    size = status + 1
    is_next = status > request and columns.is_free(size) and columns.gap(size).strip('" |,\t') == ""
    if is_next and all(is_number(text) and "." not in text for text in columns.texts(size)):
        columns.variables[size] = "$body_bytes_sent"
    for place in filter(columns.is_free, range(columns.size)):
        if columns.is_labelled(place, "length|bytes|size") and all(map(is_number, columns.texts(place))):
            columns.variables[place] = "$body_bytes_sent"
            return


def _lacks_answer(columns: Columns, request: int) -> bool:
    """Return whether 0 or `-` stands behind the request in quotes as the status, in front of a number or `-`."""
    if not columns.is_free(request + 1) or not columns.is_free(request + 2) or columns.kind(request) != "quoted":
        return False
    return columns.gap(request + 1) == '" ' and all(
        re.fullmatch("0|000|-1?", line[request + 1].text) and is_number(line[request + 2].text)
        for line in columns.parts
    )


def _name_clients(columns: Columns, request: int) -> None:
    """Name the client and X-Forwarded-For.

    An IP address in front of the request is the client. If there are several, `_name_front_addresses` decides. Behind
    the request, a quoted list of IP addresses is X-Forwarded-For.
    """
    places = [
        place
        for place in filter(columns.is_free, range(columns.size))
        if (texts := columns.texts(place)) and all(_are_addresses(text) for text in texts)
    ]
    labelled = [place for place in places if columns.is_labelled(place, "client|remote_addr|src|client_ip|from|for")]
    front = [place for place in places if place < request] or _find_client_name(columns)
    behind = [place for place in places if place > request]
    if labelled:
        columns.variables[labelled[0]] = "$remote_addr"
    elif len(front) > 1:
        _name_front_addresses(columns, front)
    elif front:
        is_list = any("," in text for text in columns.texts(front[0]))
        columns.variables[front[0]] = "$http_x_forwarded_for" if is_list else "$remote_addr"
    # An IP address without quotes behind the request can be that of any machine.
    quoted = [place for place in filter(columns.is_free, behind) if columns.kind(place) != "word"]
    if (
        quoted
        and not columns.looks_like(quoted[0], _PORT)
        and "$http_x_forwarded_for" not in columns.variables.values()
    ):
        columns.variables[quoted[0]] = "$http_x_forwarded_for"


def _are_addresses(text: str) -> bool:
    entries = split_addresses(text)
    return bool(entries) and all(map(is_address, entries))


def _find_client_name(columns: Columns) -> list[int]:
    """Return the place of a host name in front of ` - `, which servers log that resolve names.

    It is the first place, or the second behind a site.
    """
    for place in range(min(2, columns.size - 1)):
        is_name = columns.is_free(place) and columns.looks_like(place, _CLIENT_NAME) and columns.gap(place + 1) == " "
        if is_name and columns.parts[0][place + 1].text == "-":
            return [place]
    return []


def _name_front_addresses(columns: Columns, front: Sequence[int]) -> None:
    """Name several IP addresses in front of the request: the client in brackets or quotes, a site and a client, or a list.

    A list and an address in brackets or quotes hold what a proxy reported, so they become X-Forwarded-For.
    """
    enclosed = [
        place
        for place in front[1:]
        if columns.kind(place) == "quoted" or columns.gap(place).rstrip('"').endswith(("[", "("))
    ]
    if enclosed:
        columns.variables[enclosed[0]] = "$http_x_forwarded_for"
        return
    last = front[0]
    while last + 1 in front and columns.gap(last + 1).strip(", ") == "":
        last += 1
    distinct = [len({*columns.texts(place)}) for place in front]
    if last == front[0] + 1 and "," not in columns.gap(last) and distinct[0] == 1 < distinct[1]:
        # Only the second address changes, so the first one is that of a site without a name.
        columns.variables[front[0]], columns.variables[last] = "$host", "$remote_addr"
        return
    _join_parts(columns, front[0], last)
    columns.variables[front[0]] = "$http_x_forwarded_for"


def _join_parts(columns: Columns, first: int, last: int) -> None:
    """Join the places from `first` to `last` into one place."""
    joined = []
    for line, parts in zip(columns.lines, columns.parts, strict=True):
        start, end = parts[first].start, parts[last].end
        joined.append([*parts[:first], Part(line[start:end], start, end), *parts[last + 1 :]])
    columns.parts = joined
    shift = last - first
    columns.variables = {place - shift * (place > last): name for place, name in columns.variables.items()}


def _name_agent(columns: Columns, after: int) -> None:
    """Name the user agent, behind this place if possible, and the referrer next to it."""
    texts = [place for place in filter(columns.is_free, range(columns.size)) if columns.kind(place) != "word"]
    behind = [place for place in texts if place > after] or texts
    agents = [place for place in behind if columns.looks_like(place, _AGENT)]
    usual = (place for place in agents if any(text.startswith("Mozilla/") for text in columns.texts(place)))
    agent = next(usual, agents[0] if agents else None)
    urls = [place for place in filter(columns.is_free, range(columns.size)) if columns.looks_like(place, _URL)]
    if agent is None:
        is_pair = len(behind) > 1 and behind[1] == behind[0] + 1 and not columns.texts(behind[1])
        if is_pair and (not columns.texts(behind[0]) or behind[0] in urls):
            columns.variables[behind[0]], columns.variables[behind[1]] = "$http_referer", "$http_user_agent"
        return
    columns.variables[agent] = "$http_user_agent"
    for place in (agent - 1, agent + 1):
        is_absent = columns.is_free(place) and not columns.texts(place) and columns.kind(place) == columns.kind(agent)
        if place in urls or is_absent:
            columns.variables[place] = "$http_referer"
            return


def _name_host(columns: Columns, request: int) -> None:
    """Name the site: a host name in front of the request, directly behind status or size, or in quotes."""
    if "$host" in columns.variables.values():
        return
    for place in filter(columns.is_free, range(columns.size)):
        if not columns.looks_like(place, _HOST) or any(map(_FILE.fullmatch, columns.texts(place))):
            continue
        follows_size = columns.variables.get(place - 1) in ("$body_bytes_sent", "$status")
        if place < request or follows_size or columns.kind(place) != "word":
            columns.variables[place] = "$host"
            return

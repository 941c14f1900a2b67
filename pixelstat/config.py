"""pixelstat.toml: what a project always asks for: logs, own pixels, columns, consent, goals, funnels, page groups.

    logs = ["/var/log/nginx/access.log*"]
    own_hosts = ["shop.example"]   # who comes from there comes from nowhere outside

    [columns]                      # further parameters, as columns for --where, --step and --by
    destination = "dest"

    [consent]                      # a parameter of one's own that tells consent; other values refuse
    parameter = "cookie_ok"
    granted = ["1", "yes"]

    [[pixels]]
    name = "newsletter"
    path = "/o/{campaign}/{recipient}.gif"
    event = "open"

    [goals]
    signup = "event = 'signup'"

    [funnels]
    checkout = ["/cart", "checkout", "purchase"]

    [page_groups]                  # for --group-pages toml
    "/products/*" = "product page"

It is found upward from the working directory, or named by --config. Every error names the line.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixelstat.errors import PixelstatError
from pixelstat.identity.consent import CustomConsent
from pixelstat.options.types import Duration
from pixelstat.protocols.custom import COLUMN_ALIASES, PATH_PART, CustomPixel

if TYPE_CHECKING:
    from pixelstat.enrich.page_groups import PageGroups

NAME = "pixelstat.toml"
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HOST = re.compile(r"[^\s./:@?#\\]+(?:\.[^\s./:@?#\\]+)*")


@dataclass(frozen=True)
class Funnel:
    steps: tuple[str, ...]
    window: timedelta | None = None


@dataclass(frozen=True)
class Config:
    """What the file says; nothing, if there is none."""

    path: Path | None = None
    logs: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    own_hosts: tuple[str, ...] = ()  # in lower case, without www.
    networks: tuple[str, ...] = ()  # files of further networks of machines
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    consent: CustomConsent | None = None
    pixels: tuple[CustomPixel, ...] = ()
    goals: Mapping[str, str] = field(default_factory=dict)
    funnels: Mapping[str, Funnel] = field(default_factory=dict)
    page_groups: "PageGroups | None" = None

    @property
    def further(self) -> tuple[str, ...]:
        """The names of the further columns, in the order of the file."""
        own = [name for pixel in self.pixels for name in (*_parts(pixel), *pixel.parameters, *pixel.values)]
        known = {*_columns(), *COLUMN_ALIASES, *COLUMN_ALIASES.values()}
        return tuple(dict.fromkeys([*self.columns, *(name for name in own if name not in known)]))


def load(named: str | None, folder: Path | None = None) -> Config:
    """The file of this name, else the one in the folder or the nearest above it, else an empty Config.

    Raises PixelstatError for a file that cannot be read or says what it cannot say.
    """
    folder = folder or Path.cwd()
    path = (
        Path(named) if named else next((up / NAME for up in (folder, *folder.parents) if (up / NAME).is_file()), None)
    )
    if path is None:
        return Config()
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise PixelstatError(f"{path} cannot be read: {reason}.", "Name another file with --config.") from error
    return _Reader(path, text).config()


def _columns() -> list[str]:
    from pixelstat.schemas import EVENTS, VISITS

    return [*EVENTS, *VISITS]


def _fed() -> list[str]:
    """The columns that parameters feed."""
    from pixelstat.protocols.extract import TEXTS, UTM

    return ["event", *TEXTS, *(f"utm_{name}" for name in UTM)]


def _parts(pixel: CustomPixel) -> list[str]:
    return [part for path in pixel.paths for part in PATH_PART.findall(path)]


class _Reader:
    """Turns the text into a Config; knows on which line a key stands."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.lines = path, text.splitlines()
        try:
            self.tables: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PixelstatError(f"{path} is no TOML: {error}.", "A text stands in double quotes.") from error

    def config(self) -> Config:
        own = [
            "logs", "protocols", "own_hosts", "networks", "columns", "consent", "pixels", "goals", "funnels",
            "page_groups",
        ]  # fmt: skip
        self.known(self.tables, own, "")
        pixels = self.tables.get("pixels", [])
        if not isinstance(pixels, list) or not all(isinstance(pixel, dict) for pixel in pixels):
            raise self.error("pixels", "is a list of tables", "Begin each with a line [[pixels]].")
        here = self.path.parent
        said = Config(
            path=self.path,
            logs=tuple(log if log == "-" else str(here / log) for log in self.texts(self.tables, "logs")),
            protocols=self.protocols(),
            own_hosts=self.own_hosts(),
            networks=tuple(str(here / file) for file in self.texts(self.tables, "networks")),
            columns=self.feeds(self.tables, "columns", own_only=True),
            consent=self.consent(),
            pixels=tuple(self.pixel(pixel, number) for number, pixel in enumerate(pixels)),
            funnels={name: self.funnel(name) for name in self.table(self.tables, "funnels")},
            page_groups=self.page_groups(),
        )
        return replace(said, goals=self.goals(said.further))

    def pixel(self, table: dict[str, Any], number: int) -> CustomPixel:
        keys = ["name", "path", "paths", "event", "parameters", "events", "values", "payload"]
        self.known(table, keys, "pixels", number)
        name = self.text(table, "name", "pixels", number) or f"pixel {number + 1}"
        given = [path for key in ("path", "paths") for path in self.texts(table, key, "pixels", number)]
        if not given:
            raise self.error("pixels", "has no path", 'Add: path = "/img/s.gif"', number=number)
        for path in given:
            parts = PATH_PART.findall(path)
            if not path.startswith("/") or len(path) < 3 or path.startswith("/{"):
                raise self.error(
                    "path", f"is {path!r}", "A path begins with / and a text of its own.", "pixels", number
                )
            if len(set(parts)) < len(parts):
                raise self.error("path", f"names a part twice: {path!r}", "Name each once.", "pixels", number)
            for part in parts:
                self.column(part, "path", "pixels", number)
            if re.search(r"\}\{", path):
                raise self.error("path", f"has parts that touch: {path!r}", "Put a text between.", "pixels", number)
        values = self.table(table, "values", "pixels", number)
        for column, value in values.items():
            self.column(column, "values", "pixels", number)
            if isinstance(value, bool | list | dict):
                raise self.error(column, "is no text and no number", 'Write: currency = "EUR"', "pixels", number)
        events = self.table(table, "events", "pixels", number)
        for word, event in events.items():
            if not isinstance(event, str) or not event:
                raise self.error(word, "is no event's name", 'Write: bk = "purchase"', "pixels", number)
        return CustomPixel(
            name, tuple(given), self.text(table, "event", "pixels", number),
            self.feeds(table, "parameters", "pixels", number), events,
            {column: str(value) for column, value in values.items()}, self.text(table, "payload", "pixels", number),
        )  # fmt: skip

    def feeds(
        self, table: dict[str, Any], key: str, above: str = "", number: int = 0, *, own_only: bool = False
    ) -> dict[str, tuple[str, ...]]:
        """Columns and the parameters that feed each."""
        found = {}
        for column in self.table(table, key, above, number):
            if own_only and (column in _columns() or column in COLUMN_ALIASES):
                raise self.error(column, "is a column already", "Give it a name of its own.", key)
            if column not in COLUMN_ALIASES:
                self.column(column, column, key, number)
            names = self.texts(self.table(table, key, above, number), column, key, number)
            if not names:
                raise self.error(column, "names no parameter", f'Write: {column} = "dest"', key)
            found[COLUMN_ALIASES.get(column, column)] = tuple(names)
        return found

    def protocols(self) -> tuple[str, ...]:
        from pixelstat import protocols

        named = self.texts(self.tables, "protocols")
        try:
            protocols.select_protocols(named)
        except PixelstatError as error:
            raise self.error("protocols", f"names what is none. {error.sentence}", error.hint) from error
        return tuple(named)

    def consent(self) -> CustomConsent | None:
        table = self.table(self.tables, "consent")
        self.known(table, ["parameter", "granted"], "consent")
        parameter, granted = self.text(table, "parameter", "consent"), self.texts(table, "granted", "consent")
        if "consent" not in self.tables:
            return None
        if not parameter or not granted:
            missing = "granted" if parameter else "parameter"
            hint = 'Write: consent = { parameter = "cookie_ok", granted = ["1", "yes"] }'
            raise self.error("consent", f"has no {missing}", hint)
        return CustomConsent(parameter, tuple(granted))

    def own_hosts(self) -> tuple[str, ...]:
        hosts = [host.strip().lower() for host in self.texts(self.tables, "own_hosts")]
        for host in hosts:
            if not HOST.fullmatch(host):
                raise self.error(
                    "own_hosts", f"names {host!r}, which is no host", 'Write: own_hosts = ["shop.example"]'
                )
        return tuple(host.removeprefix("www.") for host in hosts)

    def goals(self, further: Sequence[str]) -> dict[str, str]:
        from pixelstat.conditions import parse_step

        goals = self.table(self.tables, "goals")
        for name, meaning in goals.items():
            if not isinstance(meaning, str):
                raise self.error(name, "is no text", f"Write: {name} = \"event = 'signup'\"", "goals")
            try:
                parse_step(meaning, further)
            except PixelstatError as error:
                raise self.error(name, f"is no goal. {error.sentence}", error.hint, "goals") from error
        return dict(goals)

    def funnel(self, name: str) -> Funnel:
        given = self.tables["funnels"][name]
        table = given if isinstance(given, dict) else {"steps": given}
        self.known(table, ["steps", "window"], f"funnels.{name}")
        steps = self.texts(table, "steps", "funnels")
        if not steps:
            raise self.error(name, "has no steps", f'Write: {name} = ["/cart", "checkout", "purchase"]', "funnels")
        window = None
        if "window" in table:
            try:
                window = Duration().convert(table["window"], None, None)
            except click.UsageError as error:
                raise self.error("window", f"is no length of time. {error.message}", "", f"funnels.{name}") from error
        return Funnel(tuple(steps), window)

    def page_groups(self) -> "PageGroups | None":
        from pixelstat.enrich.page_groups import PageGroups

        groups = PageGroups()
        for pattern, name in self.table(self.tables, "page_groups").items():
            try:
                groups.add(pattern, name if isinstance(name, str) else "")
            except ValueError as error:
                raise self.error(pattern, str(error), 'Write: "/products/*" = "product page"', "page_groups") from error
        return groups if groups.names else None

    # -- values ---------------------------------------------------------------------------------------------------

    def known(self, table: dict[str, Any], keys: Sequence[str], above: str, number: int = 0) -> None:
        for key in table:
            if key not in keys:
                near = get_close_matches(key, keys, 1, 0.5)
                meant = f"Did you mean {near[0]}?" if near else f"There are {', '.join(keys)}."
                raise self.error(key, "is no key here", meant, above, number)

    def column(self, name: str, key: str, above: str, number: int = 0) -> None:
        """A column's name: one that parameters feed, or one of one's own that SQL can name bare."""
        if name in _columns() and name not in (*COLUMN_ALIASES, *_fed()):
            raise self.error(
                key, f"names {name!r}, which pixelstat fills itself", "Name another column.", above, number
            )
        if not WORD.fullmatch(name) or name.lower() in KEYWORDS:
            raise self.error(
                key, f"names {name!r}, which can be no column", "Use letters, digits and _.", above, number
            )

    def table(self, table: dict[str, Any], key: str, above: str = "", number: int = 0) -> dict[str, Any]:
        found = table.get(key, {})
        if not isinstance(found, dict):
            raise self.error(key, "is no table", f"Begin it with a line [{above and above + '.'}{key}].", above, number)
        return found

    def text(self, table: dict[str, Any], key: str, above: str, number: int = 0) -> str | None:
        found = table.get(key)
        if found is None or (isinstance(found, str) and found.strip()):
            return found
        raise self.error(key, "is no text", f'Write: {key} = "..."', above, number)

    def texts(self, table: dict[str, Any], key: str, above: str = "", number: int = 0) -> list[str]:
        found = table.get(key, [])
        found = [found] if isinstance(found, str) else found
        if isinstance(found, list) and all(isinstance(text, str) and text.strip() for text in found):
            return found
        raise self.error(key, "is no list of texts", f'Write: {key} = ["...", "..."]', above, number)

    def error(self, key: str, what: str, hint: str, above: str = "", number: int = 0) -> PixelstatError:
        return PixelstatError(f"{self.path}, line {self.line_of(key, above, number)}: {key} {what}.", hint)

    def line_of(self, key: str, above: str, number: int) -> int:
        """The line on which a key stands, at or behind the header of its table; 1 if it cannot be told."""
        header = re.compile(rf"\s*\[+\s*{re.escape(above)}\b") if above else None
        headers = [at for at, line in enumerate(self.lines) if header and header.match(line) and "[[" in line]
        start = headers[number] if number < len(headers) else 0
        if header and not headers:
            start = next((at for at, line in enumerate(self.lines) if header.match(line)), 0)
        stands = re.compile(rf"""\s*(?:\[+\s*(?:[\w.-]+\.)?)?["']?{re.escape(key)}["']?\s*(?:=|\]|\.)""")
        inline = re.compile(rf"""[{{,]\s*["']?{re.escape(key)}["']?\s*=""")
        places = [at for at, line in enumerate(self.lines) if stands.match(line) or inline.search(line)]
        return next((at for at in places if at >= start), places[0] if places else start) + 1


KEYWORDS = frozenset(  # of SQL: a column of such a name could not be named bare
    {
        "all", "and", "any", "as", "asc", "between", "by", "case", "cast", "cross", "desc", "distinct", "else", "end",
        "except", "exists", "false", "filter", "from", "full", "group", "having", "if", "ilike", "in", "inner",
        "intersect", "into", "is", "join", "left", "like", "limit", "not", "null", "offset", "on", "or", "order",
        "outer", "over", "partition", "regexp", "right", "rlike", "select", "set", "show", "table", "then", "true",
        "union", "using", "values", "when", "where", "with",
    }
)  # fmt: skip

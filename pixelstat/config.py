"""Read pixelstat.toml: the logs, pixels, columns, consent, goals, funnels and page groups of a project.

    logs = ["/var/log/nginx/access.log*"]
    own_hosts = ["shop.example"]   # visits from there have no external source

    [sources]
    ignore = ["pay.example"]       # visitors only pass through these hosts

    [columns]                      # more parameters, as columns for --where, --step and --by
    destination = "dest"

    [consent]                      # a parameter of yours that grants consent; other values refuse
    parameter = "cookie_ok"
    granted = ["1", "yes"]

    [[pixels]]
    name = "newsletter"
    path = "/o/{campaign}/{recipient}.gif"
    event = "open"

    [goals]
    signup = "event = 'signup'"
    lead = { match = "lead", value = 20, currency = "EUR" }   # what a conversion earns

    [funnels]
    checkout = ["/cart", "checkout", "purchase"]

    [page_groups]                  # for --group-pages toml
    "/products/*" = "product page"

    [rates]                        # for --currency: the price of one unit in the base currency
    base = "EUR"
    USD = 0.92

    [defaults]                     # of options, by their names; [defaults.funnel] for one command
    tz = "Europe/Berlin"

It is searched for from the working directory upwards, or named by --config. Every error names the line.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

from pixelstat.conditions import GoalValue, parse_step
from pixelstat.enrich.currencies import CURRENCY_CODE, RateTable, build_rate_table
from pixelstat.enrich.page_groups import PageGroups
from pixelstat.errors import PixelstatError, suggest, unreadable_file
from pixelstat.identity.consent import CustomConsent
from pixelstat.options.project_file import FILE_NAME, find_project_file
from pixelstat.protocols import select_protocols
from pixelstat.protocols.custom import COLUMN_ALIASES, PATH_PART, CustomPixel
from pixelstat.protocols.extract import TEXT_COLUMNS, UTM
from pixelstat.schemas import EVENTS, VISITS
from pixelstat.text.durations import parse_duration

BUILTIN_COLUMNS = [*EVENTS, *VISITS]
PARAMETER_COLUMNS = ["event", *TEXT_COLUMNS, *(f"utm_{name}" for name in UTM)]  # the columns that parameters may feed
COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HOST_NAME = re.compile(r"[^\s./:@?#\\]+(?:\.[^\s./:@?#\\]+)*")


@dataclass(frozen=True)
class FunnelConfig:
    """A funnel of the file: its steps as they are written, and its conversion window."""

    steps: tuple[str, ...]
    window: timedelta | None = None


def _refuse(key: str, what: str, hint: str, above: str = "") -> PixelstatError:  # noqa: ARG001 - as _ConfigReader.error
    return PixelstatError(f"{key} {what}.", hint)


@dataclass(frozen=True)
class DefaultsTable:
    """The table [defaults] as it is written. The command line knows its options, so it checks names and values."""

    general: Mapping[str, Any] = field(default_factory=dict)
    by_command: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    error: Callable[[str, str, str, str], PixelstatError] = _refuse  # of a key: what it is, a hint, its table


@dataclass(frozen=True)
class Config:
    """What pixelstat.toml says; all empty where there is no such file."""

    path: Path | None = None
    logs: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    own_hosts: tuple[str, ...] = ()  # in lower case, without www.
    ignored_hosts: tuple[str, ...] = ()  # of [sources]: hosts that are no source; in lower case, without www.
    machine_networks: tuple[str, ...] = ()  # files of more networks of machines
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    consent: CustomConsent | None = None
    pixels: tuple[CustomPixel, ...] = ()
    goals: Mapping[str, str] = field(default_factory=dict)
    goal_values: Mapping[str, GoalValue] = field(default_factory=dict)  # of the goals that have one
    funnels: Mapping[str, FunnelConfig] = field(default_factory=dict)
    page_groups: PageGroups | None = None
    rates: RateTable | None = None
    defaults: DefaultsTable = field(default_factory=DefaultsTable)

    @property
    def custom_columns(self) -> Mapping[str, tuple[str, ...]]:
        """The custom columns of events, in the order of the file, and the parameters that feed each.

        No parameter feeds a column that only a custom pixel fills.
        """
        filled = [name for pixel in self.pixels for name in (*_parts(pixel), *pixel.parameters, *pixel.values)]
        builtin = {*BUILTIN_COLUMNS, *COLUMN_ALIASES, *COLUMN_ALIASES.values()}
        names = dict.fromkeys([*self.columns, *(name for name in filled if name not in builtin)])
        return {name: self.columns.get(name, ()) for name in names}


def load_config(path_option: str | None, folder: Path | None = None) -> Config:
    """Load the named file, else the one in the folder or the nearest folder above, else return an empty Config.

    Raises PixelstatError for a file that cannot be read, and for keys and values that it cannot hold.
    """
    folder = folder or Path.cwd()
    path = Path(path_option) if path_option else find_project_file(folder)
    if path is None:
        return Config()
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable_file(path, error, "Name another file with --config.") from error
    return _ConfigReader(path, text).read_config()


def _parts(pixel: CustomPixel) -> list[str]:
    return [part for path in pixel.paths for part in PATH_PART.findall(path)]


class _ConfigReader:
    """Reads a Config from the text of a file, and finds the line of a key for errors."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.lines = path, text.splitlines()
        try:
            self.tables: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PixelstatError(f"{path} is not valid TOML: {error}.", "Put each text in double quotes.") from error

    def read_config(self) -> Config:
        keys = [
            "logs", "protocols", "own_hosts", "sources", "machine_networks", "columns", "consent", "pixels", "goals",
            "funnels", "page_groups", "rates", "defaults",
        ]  # fmt: skip
        self.reject_unknown_keys(self.tables, keys, "")
        pixels = self.tables.get("pixels", [])
        if not isinstance(pixels, list) or not all(isinstance(pixel, dict) for pixel in pixels):
            raise self.error("pixels", "must be a list of tables", "Start each table with the line [[pixels]].")
        here = self.path.parent
        config = Config(
            path=self.path,
            logs=tuple(log if log == "-" else str(here / log) for log in self.read_texts(self.tables, "logs")),
            protocols=self.read_protocols(),
            own_hosts=self.read_hosts(self.tables, "own_hosts"),
            ignored_hosts=self.read_ignored_hosts(),
            machine_networks=tuple(str(here / file) for file in self.read_texts(self.tables, "machine_networks")),
            columns=self.read_column_parameters(self.tables, "columns", is_custom=True),
            consent=self.read_consent(),
            pixels=tuple(self.read_pixel(pixel, number) for number, pixel in enumerate(pixels)),
            funnels={name: self.read_funnel(name) for name in self.read_table(self.tables, "funnels")},
            page_groups=self.read_page_groups(),
            rates=self.read_rates(),
            defaults=self.read_defaults(),
        )
        goals = self.read_goals([*config.custom_columns])
        return replace(config, goals=goals, goal_values=self.read_goal_values())

    def read_pixel(self, table: dict[str, Any], number: int) -> CustomPixel:
        keys = ["name", "path", "paths", "event", "parameters", "events", "values", "payload"]
        self.reject_unknown_keys(table, keys, "pixels", number)
        name = self.read_text(table, "name", "pixels", number) or f"pixel {number + 1}"
        paths = [path for key in ("path", "paths") for path in self.read_texts(table, key, "pixels", number)]
        if not paths:
            raise self.error("pixels", "needs a path", 'Add: path = "/img/s.gif"', number=number)
        for path in paths:
            parts = PATH_PART.findall(path)
            if not path.startswith("/") or len(path) < 3 or path.startswith("/{"):
                raise self.error(
                    "path",
                    f"is {path!r}, which is too short or does not start with / and fixed text",
                    'Write: path = "/img/s.gif"',
                    "pixels",
                    number,
                )
            if len(set(parts)) < len(parts):
                raise self.error("path", f"has a part twice: {path!r}", "Use each part once.", "pixels", number)
            for part in parts:
                self.check_column(part, "path", "pixels", number)
            if re.search(r"\}\{", path):
                raise self.error(
                    "path", f"has parts without text between them: {path!r}", "Add text.", "pixels", number
                )
        values = self.read_table(table, "values", "pixels", number)
        for column, value in values.items():
            self.check_column(column, "values", "pixels", number)
            if isinstance(value, bool | list | dict):
                raise self.error(column, "must be a text or a number", 'Write: currency = "EUR"', "pixels", number)
        events = self.read_table(table, "events", "pixels", number)
        for word, event in events.items():
            if not isinstance(event, str) or not event:
                raise self.error(word, "must be the name of an event", 'Write: bk = "purchase"', "pixels", number)
        return CustomPixel(
            name,
            tuple(paths),
            event=self.read_text(table, "event", "pixels", number),
            parameters=self.read_column_parameters(table, "parameters", "pixels", number),
            events=events,
            values={column: str(value) for column, value in values.items()},
            payload=self.read_text(table, "payload", "pixels", number),
        )

    def read_column_parameters(
        self, table: dict[str, Any], key: str, above: str = "", number: int = 0, *, is_custom: bool = False
    ) -> dict[str, tuple[str, ...]]:
        """Read columns and the parameters that feed each; `is_custom`: only columns that do not exist yet."""
        parameters = {}
        for column in self.read_table(table, key, above, number):
            if is_custom and (column in BUILTIN_COLUMNS or column in COLUMN_ALIASES):
                raise self.error(column, "is already a column", "Choose another name.", key)
            if column not in COLUMN_ALIASES:
                self.check_column(column, column, key, number)
            names = self.read_texts(self.read_table(table, key, above, number), column, key, number)
            if not names:
                raise self.error(column, "needs a parameter", f'Write: {column} = "dest"', key)
            parameters[COLUMN_ALIASES.get(column, column)] = tuple(names)
        return parameters

    def read_protocols(self) -> tuple[str, ...]:
        named = self.read_texts(self.tables, "protocols")
        try:
            select_protocols(named)
        except PixelstatError as error:
            raise self.error("protocols", f"is not valid. {error.sentence}", error.hint) from error
        return tuple(named)

    def read_consent(self) -> CustomConsent | None:
        table = self.read_table(self.tables, "consent")
        self.reject_unknown_keys(table, ["parameter", "granted"], "consent")
        parameter, granted = self.read_text(table, "parameter", "consent"), self.read_texts(table, "granted", "consent")
        if "consent" not in self.tables:
            return None
        if not parameter or not granted:
            missing = "granted" if parameter else "parameter"
            hint = 'Write: consent = { parameter = "cookie_ok", granted = ["1", "yes"] }'
            raise self.error("consent", f"needs the key {missing}", hint)
        return CustomConsent(parameter, tuple(granted))

    def read_ignored_hosts(self) -> tuple[str, ...]:
        table = self.read_table(self.tables, "sources")
        self.reject_unknown_keys(table, ["ignore"], "sources")
        return self.read_hosts(table, "ignore", "sources")

    def read_hosts(self, table: dict[str, Any], key: str, above: str = "") -> tuple[str, ...]:
        hosts = [host.strip().lower() for host in self.read_texts(table, key, above)]
        for host in hosts:
            if not HOST_NAME.fullmatch(host):
                raise self.error(
                    key, f"contains {host!r}, which is not a host name", f'Write: {key} = ["shop.example"]', above
                )
        return tuple(host.removeprefix("www.") for host in hosts)

    def read_goals(self, custom_columns: Sequence[str]) -> dict[str, str]:
        goals: dict[str, str] = {}
        for name, entry in self.read_table(self.tables, "goals").items():
            if isinstance(entry, dict):
                self.reject_unknown_keys(entry, ["match", "value", "currency"], "goals")
            meaning = entry.get("match") if isinstance(entry, dict) else entry
            if not isinstance(meaning, str):
                what = "needs the key match, a text" if isinstance(entry, dict) else "must be a text or a table"
                raise self.error(name, what, f"Write: {name} = \"event = 'signup'\"", "goals")
            try:
                parse_step(meaning, custom_columns)
            except PixelstatError as error:
                raise self.error(name, f"is not a valid goal. {error.sentence}", error.hint, "goals") from error
            goals[name] = meaning
        return goals

    def read_goal_values(self) -> dict[str, GoalValue]:
        """Read the values of the goals that have one. The goals themselves are valid."""
        values = {}
        for name, entry in self.read_table(self.tables, "goals").items():
            if not isinstance(entry, dict) or not {"value", "currency"} & {*entry}:
                continue
            amount, currency = entry.get("value"), entry.get("currency")
            hint = f'Write: {name} = {{ match = "{entry["match"]}", value = 20, currency = "EUR" }}'
            if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < inf:
                raise self.error(name, "needs a value that is a number of 0 or more", hint, "goals")
            if currency is not None and not (isinstance(currency, str) and CURRENCY_CODE.fullmatch(currency)):
                raise self.error(name, f"has the currency {currency!r}, which is not a code", hint, "goals")
            values[name] = GoalValue(float(amount), currency and currency.upper())
        return values

    def read_funnel(self, name: str) -> FunnelConfig:
        value = self.tables["funnels"][name]
        table = value if isinstance(value, dict) else {"steps": value}
        self.reject_unknown_keys(table, ["steps", "window"], f"funnels.{name}")
        steps = self.read_texts(table, "steps", "funnels")
        if not steps:
            raise self.error(name, "has no steps", f'Write: {name} = ["/cart", "checkout", "purchase"]', "funnels")
        window = None
        if "window" in table:
            try:
                window = parse_duration(str(table["window"]))
            except ValueError as error:
                raise self.error("window", f"is not valid. {error}", "", f"funnels.{name}") from error
        return FunnelConfig(tuple(steps), window)

    def read_page_groups(self) -> PageGroups | None:
        groups = PageGroups()
        for pattern, name in self.read_table(self.tables, "page_groups").items():
            try:
                groups.add(pattern, name if isinstance(name, str) else "")
            except ValueError as error:
                raise self.error(pattern, str(error), 'Write: "/products/*" = "product page"', "page_groups") from error
        return groups if groups.names else None

    def read_rates(self) -> RateTable | None:
        table = self.read_table(self.tables, "rates")
        if "rates" not in self.tables:
            return None
        hint = 'Write: rates = { base = "EUR", USD = 0.92 }'
        base = table.get("base")
        if not isinstance(base, str) or not CURRENCY_CODE.fullmatch(base):
            where = ("base", "rates") if "base" in table else ("rates", "")
            raise self.error(where[0], "needs the code of a base currency", hint, where[1])
        rates = {base.upper(): 1.0}
        for code, rate in table.items():
            if code == "base":
                continue
            if not CURRENCY_CODE.fullmatch(code):
                raise self.error(code, "is not the code of a currency", hint, "rates")
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < inf:
                raise self.error(code, "needs a rate above 0", hint, "rates")
            if rates.get(code.upper(), rate) != rate:
                raise self.error(code, "has two rates", hint, "rates")
            rates[code.upper()] = float(rate)
        return build_rate_table(base.upper(), rates, FILE_NAME)

    def read_defaults(self) -> DefaultsTable:
        entries = self.read_table(self.tables, "defaults")
        tables = {name: value for name, value in entries.items() if isinstance(value, dict)}
        general = {name: value for name, value in entries.items() if name not in tables}
        return DefaultsTable(general, tables, self.error)

    # -- values ---------------------------------------------------------------------------------------------------

    def reject_unknown_keys(self, table: dict[str, Any], keys: Sequence[str], above: str, number: int = 0) -> None:
        for key in table:
            if key not in keys:
                advice = suggest(key, keys, 0.5).strip() or f"Known keys: {', '.join(keys)}."
                raise self.error(key, "is not a known key", advice, above, number)

    def check_column(self, name: str, key: str, above: str, number: int = 0) -> None:
        """Raise PixelstatError where parameters cannot feed this column, or SQL cannot name it without quotes."""
        if name in BUILTIN_COLUMNS and name not in (*COLUMN_ALIASES, *PARAMETER_COLUMNS):
            raise self.error(
                key, f"names {name!r}, which pixelstat fills itself", "Choose another column.", above, number
            )
        if not COLUMN_NAME.fullmatch(name) or name.lower() in SQL_KEYWORDS:
            raise self.error(
                key, f"names {name!r}, which is not a valid column name", "Use letters, digits and _.", above, number
            )

    def read_table(self, table: dict[str, Any], key: str, above: str = "", number: int = 0) -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            raise self.error(
                key, "must be a table", f"Start it with the line [{above and above + '.'}{key}].", above, number
            )
        return value

    def read_text(self, table: dict[str, Any], key: str, above: str, number: int = 0) -> str | None:
        value = table.get(key)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        raise self.error(key, "must be a text", f'Write: {key} = "..."', above, number)

    def read_texts(self, table: dict[str, Any], key: str, above: str = "", number: int = 0) -> list[str]:
        value = table.get(key, [])
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and all(isinstance(text, str) and text.strip() for text in texts):
            return texts
        raise self.error(key, "must be a list of texts", f'Write: {key} = ["...", "..."]', above, number)

    def error(self, key: str, what: str, hint: str, above: str = "", number: int = 0) -> PixelstatError:
        sentence = f"{self.path}, line {self.find_line(key, above, number)}: {key} {what}"
        return PixelstatError(sentence if sentence.endswith((".", "?")) else f"{sentence}.", hint)

    def find_line(self, key: str, above: str, number: int) -> int:
        """Return the line of a key, at or behind the header of its table; 1 where it is not clear."""
        header = re.compile(rf"\s*\[+\s*{re.escape(above)}\b") if above else None
        headers = [at for at, line in enumerate(self.lines) if header and header.match(line) and "[[" in line]
        start = headers[number] if number < len(headers) else 0
        if header and not headers:
            start = next((at for at, line in enumerate(self.lines) if header.match(line)), 0)
        stands = re.compile(rf"""\s*(?:\[+\s*(?:[\w.-]+\.)?)?["']?{re.escape(key)}["']?\s*(?:=|\]|\.)""")
        inline = re.compile(rf"""[{{,]\s*["']?{re.escape(key)}["']?\s*=""")
        places = [at for at, line in enumerate(self.lines) if stands.match(line) or inline.search(line)]
        return next((at for at in places if at >= start), places[0] if places else start) + 1


SQL_KEYWORDS = frozenset(  # of SQL: a column of such a name could not be named bare
    {
        "all", "and", "any", "as", "asc", "between", "by", "case", "cast", "cross", "desc", "distinct", "else", "end",
        "except", "exists", "false", "filter", "from", "full", "group", "having", "if", "ilike", "in", "inner",
        "intersect", "into", "is", "join", "left", "like", "limit", "not", "null", "offset", "on", "or", "order",
        "outer", "over", "partition", "regexp", "returning", "right", "rlike", "select", "set", "show", "table",
        "then", "true", "union", "using", "values", "when", "where", "with",
    }
)  # fmt: skip

"""Types of option values: how each is parsed, and how a shell completes it."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import inf
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click
from click.shell_completion import CompletionItem

from pixelstat.errors import suggest
from pixelstat.options.project_file import list_names
from pixelstat.schemas import CONDITION_COLUMNS, EVENT_COLUMNS, VISIT_COLUMNS
from pixelstat.sources.bad_lines import BadLineLimit
from pixelstat.text.durations import parse_duration

BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


LONGEST_LINE = 2 << 20  # bytes: a line must fit into a block several times


def complete(names: Iterable[str], incomplete: str, meanings: Mapping[str, str] | None = None) -> list[CompletionItem]:
    """Return the names that begin with an incomplete word, each with its meaning."""
    return [CompletionItem(name, help=(meanings or {}).get(name)) for name in names if name.startswith(incomplete)]


class FileType(click.ParamType[str]):
    """The path of a file or a folder, which a shell completes."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        return [CompletionItem(incomplete, type="file")]


class ColumnType(click.ParamType[str]):
    """The name of a column of the events, or of a further one, that a report can be broken down by."""

    name = "column"

    def __init__(self, *further: str) -> None:
        self.further = further

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        columns = [name for name in CONDITION_COLUMNS if name not in ("time", "products")]
        custom = list_names("columns", ctx.params.get("config"))
        meanings = {name: about for name, (_, about) in (*EVENT_COLUMNS.items(), *VISIT_COLUMNS.items())}
        return complete([*self.further, *columns, *custom], incomplete, meanings)


class ProjectNameType(click.ParamType[str]):
    """A text that may be a name in a table of pixelstat.toml, such as that of a funnel."""

    name = "name"

    def __init__(self, table: str) -> None:
        self.table = table

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        return complete(list_names(self.table, ctx.params.get("config")), incomplete)


class DurationType(click.ParamType[timedelta]):
    """A positive duration, such as `30m`, `7d` or `90s`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            return self.fail(str(error), param, ctx)


class PercentType(click.ParamType[float]):
    """A percentage such as `10%`, also as a number below 1, such as `0.1`. It lies between two percentages."""

    name = "percent"

    def __init__(self, low: float, high: float = inf) -> None:
        self.low, self.high = low / 100, high / 100

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        parts = re.fullmatch(r"([+-]?\d{0,9}(?:\.\d{0,9})?)(%?)", text := str(value).strip())
        if not parts or not re.search(r"\d", text):
            self.fail(f"{value!r} is not a percentage. Try 10%.", param, ctx)
        share = float(parts[1]) / 100 if parts[2] else float(parts[1])
        if not parts[2] and abs(share) >= 1:
            self.fail(f"{value!r} has no percent sign. Try {text}%.", param, ctx)
        if not self.low < share < self.high or not share:
            most = f" and below {self.high:.0%}" if self.high < inf else ""
            least = f"above {self.low:.0%} and not 0" if self.low < 0 else "above 0%"
            self.fail(f"{value!r} is out of range: it must be {least}{most}. Try 10%.", param, ctx)
        return share


@dataclass(frozen=True)
class Shares:
    """Planned shares of visitors: of named variants, or without names in the order of the report."""

    values: tuple[float, ...]
    names: tuple[str, ...] = ()


class SharesType(click.ParamType[Shares]):
    """Planned shares of visitors, such as `50,50` or `a=90,b=10`. Only their proportions matter."""

    name = "shares"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shares:
        if isinstance(value, Shares):
            return value
        pairs = [part.rpartition("=") for part in str(value).split(",")]
        names = tuple(name.strip() for name, separator, _ in pairs if separator)
        are_shares = all(re.fullmatch(r"\s*\d{1,9}(?:\.\d{1,9})?%?\s*", share) for *_, share in pairs)
        shares = tuple(float(share.strip(" %")) for *_, share in pairs) if are_shares else (0.0,)
        if min(shares) <= 0 or len(shares) < 2 or len(names) not in (0, len(shares)) or len({*names}) < len(names):
            self.fail(f"{value!r} are not two or more shares above 0. Try 50,50 or a=90,b=10.", param, ctx)
        return Shares(shares, names)


class ZoneType(click.ParamType[ZoneInfo]):
    """The name of a time zone, as in `Europe/Berlin`."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        if isinstance(value, ZoneInfo):
            return value
        try:
            if value not in ("localtime", "posixrules"):  # files beside the zones, but no names of any
                return ZoneInfo(value)  # looking it up among all of them would mean to open each
        except (OSError, ValueError, KeyError):
            pass  # it fails below, with a suggestion
        advice = suggest(str(value), available_timezones(), 0.5) or " Try Europe/Berlin."
        return self.fail(f"There is no time zone {value!r}.{advice}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        return complete(sorted(available_timezones()), incomplete)


class NetworkType(click.ParamType[ipaddress.IPv4Network | ipaddress.IPv6Network]):
    """An address or a network, such as `203.0.113.7` or `2001:db8::/32`."""

    name = "address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        try:
            return ipaddress.ip_network(value, strict=False)
        except ValueError:
            self.fail(f"{value!r} is not an address or a network. Try 203.0.113.7 or 10.0.0.0/8.", param, ctx)


class SizeType(click.ParamType[int]):
    """A size in bytes, such as `64k` or `1M`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        parts = re.fullmatch(r"(\d{1,9})([kmg]?)(?:i?b)?", str(value).strip().lower())
        if not parts or not 256 <= int(parts[1]) * BYTES[parts[2]] <= LONGEST_LINE:
            self.fail(f"{value!r} is not a size from 256 bytes to 2 MB. Try 64k or 1M.", param, ctx)
        return int(parts[1]) * BYTES[parts[2]]


class BadLineLimitType(click.ParamType[BadLineLimit]):
    """A number of lines, such as `10`, or a percentage of them, such as `0.5%`."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> BadLineLimit:
        if isinstance(value, BadLineLimit):
            return value
        parts = re.fullmatch(r"(?:(\d{1,12})|(\d{1,3}(?:\.\d*)?)%)", str(value).strip())
        if not parts or (parts[2] and float(parts[2]) > 100):
            self.fail(f"{value!r} is neither a number of lines nor a percentage of them. Try 10 or 0.5%.", param, ctx)
        return BadLineLimit(int(parts[1])) if parts[1] else BadLineLimit(percent=Decimal(parts[2]))


class VisitorKeyType(click.ParamType[str]):
    """What identifies a visitor: `auto`, `visitor`, `user`, `client`, the name of a parameter, or `cookie:NAME`."""

    name = "key"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"(cookie:)?[^\s\"'&=#;:,\ud800-\udfff]{1,100}", str(value)):
            self.fail(
                f"{value!r} is not the name of a parameter. Try visitor, user, client, uid or cookie:sid.", param, ctx
            )
        return str(value)


class HeaderType(click.ParamType[str]):
    """The name of a header of HTTP, such as `CF-Connecting-IP`."""

    name = "header"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", str(value)):
            self.fail(f"{value!r} is not the name of a header. Try CF-Connecting-IP or X-Real-IP.", param, ctx)
        return str(value)


class TouchType(click.ParamType[str]):
    """Which value of a visitor a breakdown uses: `first`, `last`, `all` or `step:N`."""

    name = "touch"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in ("first", "last", "all") or re.fullmatch(r"step:[1-9]\d?", str(value)):
            return str(value)
        return self.fail(f"{value!r} is not one of first, last, all and step:N.", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        return complete(["first", "last", "all", "step:"], incomplete)


@dataclass(frozen=True)
class ActorList:
    """Which actors of a funnel a list shows: those who reached a step, or those who dropped out before it."""

    step: str  # by number or by name, as the user wrote it
    is_dropped: bool = False


class ActorListType(click.ParamType[ActorList]):
    """Which actors of a funnel to list: `dropped:STEP` or `reached:STEP`."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ActorList:
        if isinstance(value, ActorList):
            return value
        kind, _, step = str(value).partition(":")
        if kind not in ("dropped", "reached") or not step.strip():
            self.fail(f"{value!r} is neither dropped:STEP nor reached:STEP. Try dropped:2.", param, ctx)
        return ActorList(step.strip(), is_dropped=kind == "dropped")

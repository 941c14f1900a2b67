"""Types of option values: durations, time zones, networks, sizes."""

import ipaddress
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click

from pixelstat.errors import suggest
from pixelstat.sources.bad_lines import BadLineLimit
from pixelstat.text.durations import parse_duration

BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


LONGEST_LINE = 2 << 20  # bytes: a line must fit into a block several times


class DurationType(click.ParamType[timedelta]):
    """`30m`, `7d`, `90s`: more than nothing."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            return self.fail(str(error), param, ctx)


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


class NetworkType(click.ParamType[ipaddress.IPv4Network | ipaddress.IPv6Network]):
    """`203.0.113.7` or `2001:db8::/32`."""

    name = "address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        try:
            return ipaddress.ip_network(value, strict=False)
        except ValueError:
            self.fail(f"{value!r} is not an address or a network. Try 203.0.113.7 or 10.0.0.0/8.", param, ctx)


class SizeType(click.ParamType[int]):
    """`64k`, `1M`: bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        parts = re.fullmatch(r"(\d{1,9})([kmg]?)(?:i?b)?", str(value).strip().lower())
        if not parts or not 256 <= int(parts[1]) * BYTES[parts[2]] <= LONGEST_LINE:
            self.fail(f"{value!r} is not a size from 256 bytes to 2 MB. Try 64k or 1M.", param, ctx)
        return int(parts[1]) * BYTES[parts[2]]


class BadLineLimitType(click.ParamType[BadLineLimit]):
    """`10` lines, or `0.5%` of them."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> BadLineLimit:
        if isinstance(value, BadLineLimit):
            return value
        parts = re.fullmatch(r"(?:(\d{1,12})|(\d{1,3}(?:\.\d*)?)%)", str(value).strip())
        if not parts or (parts[2] and float(parts[2]) > 100):
            self.fail(f"{value!r} is neither a number of lines nor a share of them. Try 10 or 0.5%.", param, ctx)
        return BadLineLimit(int(parts[1])) if parts[1] else BadLineLimit(percent=Decimal(parts[2]))


class VisitorKeyType(click.ParamType[str]):
    """`auto`, `visitor`, `user`, `client`, a parameter's name, or `cookie:NAME`."""

    name = "key"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"(cookie:)?[^\s\"'&=#;:,\ud800-\udfff]{1,100}", str(value)):
            self.fail(
                f"{value!r} is not the name of a parameter. Try visitor, user, client, uid or cookie:sid.", param, ctx
            )
        return str(value)


class TouchType(click.ParamType[str]):
    """Which value of a visitor a breakdown uses: `first`, `last`, `all` or `step:N`."""

    name = "touch"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in ("first", "last", "all") or re.fullmatch(r"step:[1-9]\d?", str(value)):
            return str(value)
        return self.fail(f"{value!r} is not first, last, all or step:N.", param, ctx)

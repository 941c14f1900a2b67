"""The log formats, specific before general: one a file, named here once, told from a log's first lines.

A log is read as the format of its first lines. A line that does not fit it is read as the first format that it
does fit, so that a log whose format changes midway loses nothing; see `reread`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.formats.fields import EARLIEST, latest
from pixelstat.formats.prefixes import PREFIXES, Prefixed
from pixelstat.formats.samples import Format
from pixelstat.formats.text import TextFormat
from pixelstat.formats.w3c import is_known, names_of
from pixelstat.schemas import READ, REASONS, Fault, Reason

NAMES = (
    "traefik", "icecast", "combined_host_last", "combined_host_last_quoted", "combined_forwarded", "combined",
    "combined_more", "ovh", "gandi", "combined_vhost_port", "combined_vhost", "common", "common_vhost_port", "common_vhost",
    "s3", "alb", "elb", "haproxy", "envoy", "squid", "bunny", "caddy", "traefik_json", "google_lb", "cloudflare",
    "nginx_json", "cloudfront", "incapsula", "shoutcast", "iis", "w3c",
)  # fmt: skip
ALIASES = {
    "ncsa_extended": "combined",
    "common_complete": "combined_vhost",
    "fastly": "common",
    "main": "combined_forwarded",
}
HEAD = 50  # lines that a format is told from
LONGER_HEAD = 5_000  # and where none of them fits any
FIELDS = "#Fields:"


@cache
def formats_named(name: str) -> tuple[Format, ...]:
    """The layouts of a format, most have one."""
    module = import_module(f"pixelstat.formats.{name}")
    found: tuple[Format, ...] = getattr(module, "FORMATS", None) or (module.FORMAT,)
    return found


@cache
def all_formats() -> tuple[Format, ...]:
    """Every format that pixelstat knows, in the order in which a line is tried."""
    return tuple(form for name in NAMES for form in formats_named(name))


def formats_given(text: str) -> tuple[Format, ...]:
    """The format that `--log-format` names or spells out. Raises PixelstatError if it is neither."""
    if text.startswith(FIELDS):
        if not is_known(names_of(text)):
            raise PixelstatError(
                f"The log format {text!r} names no time or no address.",
                "It needs date and time, and cs-uri-stem or cs-uri.",
            )
        return tuple(form.ruled_by(text) for form in formats_named("w3c"))
    if text.lstrip().startswith("{"):
        from pixelstat.formats.nginx_conf import json_format

        return (json_format("--log-format", text),)
    if "$" in text or "%" in text:
        return (TextFormat("--log-format", text),)
    name = ALIASES.get(text, text)
    if name not in NAMES:
        raise PixelstatError(
            f"There is no log format {text!r}.",
            "pixelstat formats lists them. Or give the log_format string of nginx or the LogFormat string of Apache.",
        )
    return tuple(form.ruled_by(getattr(form, "usual", None)) for form in formats_named(name))


# -- telling -----------------------------------------------------------------------------------------------------

Ruled = tuple[str, str | None]  # a line, and the `#Fields:` line that rules it


def detect(head: Sequence[str], candidates: Sequence[Format]) -> Format | None:
    """The first candidate that at least half of a log's first lines are shaped like, else the one that most are.

    The half keeps a line that was cut short from turning a log into one of a poorer format. Where no line is
    shaped like any, what collectors put in front of lines is taken off.
    """
    lines = ruled(head)
    for count in (HEAD, LONGER_HEAD):
        if found := _told(lines[:count], candidates):
            return found
        for prefix in PREFIXES:
            behind = [(text, header) for line, header in lines[:count] if (text := prefix.behind(line)) is not None]
            if behind and (found := _told(behind, candidates)):
                return Prefixed(prefix, found)
    return None


def ruled(head: Iterable[str]) -> list[Ruled]:
    """The lines that say something, each with its header."""
    found: list[Ruled] = []
    header = None
    for line in head:
        if line.startswith(FIELDS):
            header = line
        if line.strip() and not line.startswith("#"):
            found.append((line, header))
    if not found and header:  # a log of which there is only the beginning
        found.append((" ".join(["-"] * len(header.split()[1:])), header))
    return found


def _told(lines: Sequence[Ruled], candidates: Sequence[Format]) -> Format | None:
    fitting: Counter[Format] = Counter()
    for candidate in candidates:
        forms = Counter(candidate.ruled_by(header, line) for line, header in lines if candidate.is_shaped(line, header))
        if forms:
            form = forms.most_common(1)[0][0]
            fitting[form] = forms.total()
            if forms.total() * 2 >= len(lines):
                return form
    return max(fitting, key=lambda form: fitting[form]) if fitting else None


# -- the second look ---------------------------------------------------------------------------------------------


def reread(requests: pl.DataFrame, candidates: Sequence[Format], zone: str, longest: int) -> pl.DataFrame:
    """Requests (READ, or those columns of it that are looked at) with what was unreadable read as what it is.

    Each such line is read as the first candidate that it is shaped like; what remains unreadable is told why.
    """
    rejected = requests["rejected"].to_physical()  # to compare with the name would make a text of each
    if rejected.null_count() == len(rejected):
        return requests
    bad = (rejected == list(REASONS).index("unreadable")).fill_null(value=False)
    if not bad.any():
        return requests
    places = bad.arg_true()
    lines = requests.select("line", "header").filter(bad)
    chosen = [_choice(line or "", header, candidates) for line, header in lines.iter_rows()]
    if "fault" not in requests.columns and not any(chosen):
        return requests  # nobody asks what is wrong with them
    frames = []
    for form in dict.fromkeys(chosen):
        mine = pl.Series([place for place, choice in enumerate(chosen) if choice == form], dtype=pl.UInt32)
        theirs = requests.filter(bad)[mine]
        again = _unshaped(theirs, longest) if form is None else _again(theirs, form, zone, longest)
        frames.append(again.select(requests.columns).with_columns(place=places.gather(mine)))
    good = requests.filter(~bad).with_columns(place=(~bad).arg_true())
    return pl.concat([good, *frames]).sort("place").drop("place")


def _choice(line: str, header: str | None, candidates: Sequence[Format]) -> Format | None:
    for candidate in candidates:
        if candidate.is_shaped(line, header):
            return candidate.ruled_by(header)
    for prefix in PREFIXES:
        behind = prefix.behind(line)
        if behind is not None:
            for candidate in candidates:
                if candidate.is_shaped(behind, header):
                    return Prefixed(prefix, candidate.ruled_by(header))
    return None


def _again(requests: pl.DataFrame, form: Format, zone: str, longest: int) -> pl.DataFrame:
    lines = requests.lazy().select(
        "line",
        "header",
        *(name if name in requests.columns else pl.lit(None, READ[name]).alias(name) for name in ("file", "number")),
    )
    fault = (
        pl.when(_is_cut(longest)).then(pl.lit("too_long"))
        .when(pl.col("path").is_null()).then(pl.lit("no_request"))
        .when(pl.col("time").is_null() | ~pl.col("time").is_between(EARLIEST, latest())).then(pl.lit("bad_time"))
        .when(pl.col("status").is_null() | ~pl.col("status").is_between(0, 999)).then(pl.lit("bad_status"))
        .otherwise(pl.lit("no_format"))
    )  # fmt: skip
    return (
        form.requests(lines, zone)
        .with_columns(fault=pl.when(pl.col("rejected").is_not_null()).then(fault.cast(Fault)))
        .collect()
    )


def _unshaped(requests: pl.DataFrame, longest: int) -> pl.DataFrame:
    fault = pl.when(_is_cut(longest)).then(pl.lit("too_long")).otherwise(pl.lit("no_format")).cast(Fault)
    kept = {"line", "header", "file", "number"} & set(requests.columns)
    blank = {name: pl.lit(None, dtype) for name, dtype in READ.items() if name not in kept}
    return requests.with_columns(**{**blank, "rejected": pl.lit("unreadable", Reason), "fault": fault})


def _is_cut(longest: int) -> pl.Expr:
    return pl.col("line").str.len_bytes() >= longest

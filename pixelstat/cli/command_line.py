"""Arrange a command line so that the command comes first, and explain a word that is not a command."""

import shlex
from collections.abc import Sequence

import click

from pixelstat import reports
from pixelstat.cli import commands
from pixelstat.errors import PixelstatError, suggest

LINES = {**reports.NAMES, **commands.NAMES}  # all commands, each with its line in `pixelstat --help`
COMMANDS = (*LINES,)
DEFAULT_REPORT = "summary"
INFORMATION = ("--help", "-h", "--version")  # options that show something instead of running a command

TWO_WORDS: dict[tuple[str, ...], str] = {
    ("experiment", "plan"): "plan-experiment"
}  # a log of the name plan needs ./ in front

SYNONYMS = {  # words that users may try, and what answers them
    "ab": "experiment",
    "abtest": "experiment",
    "browsers": "devices",
    "bounces": "visits",
    "campaigns": "sources --by utm_campaign",
    "carts": "products --abandoned",
    "channels": "sources",
    "cities": "places --by city",
    "costs": "roi --spend spend.csv",
    "countries": "places",
    "customers": "orders --repeat",
    "dashboard": "summary",
    "emails": "opens",
    "experiments": "experiment",
    "export": "events",
    "flow": "paths",
    "funnels": "funnel",
    "goals": "conversions",
    "hits": "views",
    "links": "clicks",
    "man": "help",
    "manual": "help",
    "newsletters": "opens",
    "overview": "summary",
    "pages": "views",
    "pageviews": "views",
    "pixels": "protocols",
    "plan": "experiment plan --baseline 3% --lift 10%",
    "purchases": "orders",
    "referers": "sources",
    "referrers": "sources",
    "report": "summary",
    "retention": "orders --repeat",
    "revenue": "orders",
    "roas": "roi --spend spend.csv",
    "sales": "orders",
    "samplesize": "experiment plan --baseline 3% --lift 10%",
    "sessions": "visits",
    "spend": "roi --spend spend.csv",
    "stats": "summary",
    "traffic": "views",
    "uniques": "visitors",
    "users": "visitors",
    "utm": "sources --by utm_source --by utm_medium --by utm_campaign",
    "validate": "check",
    "variants": "experiment",
}


def arrange_arguments(arguments: Sequence[str], *, is_completion: bool = False) -> list[str]:
    """Return the arguments with the command first: options in front of it move behind it.

    Arguments that begin with a log get the name of the default report. Raises a UsageError of Click for an option that
    not every report has, and PixelstatError for options without a command, but neither `is_completion`.
    """
    leading, rest = split_leading_options(arguments, is_completion=is_completion)
    if not rest:
        if leading and not is_completion and leading[0] not in INFORMATION:
            hint = f"Try: pixelstat {DEFAULT_REPORT} {shlex.join(leading)}"
            raise PixelstatError("The command line has options, but neither a command nor a log.", hint)
        return leading
    command, *others = add_default_report(rest)
    return [command, *leading, *others]


def split_leading_options(arguments: Sequence[str], *, is_completion: bool = False) -> tuple[list[str], list[str]]:
    """Return the common options in front of the command, and the arguments from the command on.

    Of options that ask for information only that one is returned.
    """
    first = arguments[0] if arguments else ""
    if first in INFORMATION or not first.startswith("-") or first == "-":
        return ([first], []) if first in INFORMATION else ([], [*arguments])
    from pixelstat.options.shared import common_options

    flags = [click.Option(["-h", "--help", "help"], is_flag=True), click.Option(["--version"], is_flag=True)]
    command = click.Command("pixelstat", params=[*common_options(), *flags], add_help_option=False)
    parser = command.make_parser(click.Context(command, info_name="pixelstat", resilient_parsing=is_completion))
    parser.allow_interspersed_args = False
    values, rest, _ = parser.parse_args([*arguments])
    if information := [f"--{name}" for name in ("help", "version") if values.get(name)]:
        return information[:1], []
    return [*arguments[: len(arguments) - len(rest)]], rest


def add_default_report(arguments: Sequence[str]) -> list[str]:
    """Join the words of a command of two, and put the default report in front of arguments that begin with a log."""
    first = arguments[0]
    if joined := TWO_WORDS.get(tuple(arguments[:2])):
        return [joined, *arguments[2:]]
    if first in COMMANDS:
        return [*arguments]
    from pixelstat.sources import discovery

    return [DEFAULT_REPORT, *arguments] if first == "-" or discovery.has_match(first) else [*arguments]


def explain_unknown_command(name: str) -> PixelstatError:
    """Return the error to raise for a word in the place of a command: a file, a synonym or a misspelled name."""
    if set(name) & set("/.*"):
        hint = "Name access logs, directories with logs, or - for standard input. See: pixelstat --help"
        return PixelstatError(f"There is no file {name!r}.", hint)
    answer = SYNONYMS.get(name.lower().replace("_", "").replace("-", ""))
    if answer:
        return PixelstatError(f"There is no command {name!r}.", f"Try: pixelstat {answer}")
    advice = suggest(name, COMMANDS)
    return PixelstatError(f"There is no command {name!r}.{advice}", "Try: pixelstat --help")

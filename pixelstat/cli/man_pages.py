"""Write the man pages: one of pixelstat, and one of each command, from the same declarations as their help."""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from pixelstat import __version__, reports
from pixelstat.cli import commands
from pixelstat.cli.command_line import LINES
from pixelstat.cli.help_pages import LogCommand, describe_option
from pixelstat.cli.main import pixelstat
from pixelstat.errors import Exit
from pixelstat.options.shared import COMMON

SECTION = 1  # of the manual: commands
EXIT_STATUS = {
    Exit.DONE: "The report is complete.",
    Exit.BUG: "pixelstat failed. --debug shows where.",
    Exit.USAGE: "The command line is wrong, or an input cannot be read.",
    Exit.PARTIAL: "Part of an input was damaged and is missing from the report.",
    Exit.TOO_MANY_BAD_LINES: "More lines were unreadable than --strict or --max-errors allow.",
    Exit.CONDITION_MET: "A condition of --fail-if or --fail-if-empty holds.",
    Exit.NOTHING_READABLE: "No line that may hold a pixel request could be read.",
    Exit.INTERRUPTED: "The program was stopped by Ctrl-C.",
    Exit.TERMINATED: "The program was stopped by SIGTERM.",
}


def write_man_pages(folder: Path) -> None:
    """Write all man pages into a folder, which is created if it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in build_man_pages().items():
        (folder / name).write_text(text, "utf-8")


def build_man_pages() -> dict[str, str]:
    """Return the text of each man page by the name of its file."""
    pages = {f"pixelstat.{SECTION}": "".join(_main_page())}
    root = _root_context()
    for name in LINES:
        command = pixelstat.get_command(root, name)
        assert command is not None
        ctx = click.Context(command, root, name, **command.context_settings)
        pages[f"pixelstat-{name}.{SECTION}"] = "".join(_command_page(ctx, name))
    return pages


def _root_context() -> click.Context:
    return click.Context(pixelstat, info_name="pixelstat", **pixelstat.context_settings)


def _main_page() -> Iterator[str]:
    """Yield the page of the whole program."""
    ctx = _root_context()
    text = inspect.cleandoc(pixelstat.help or "")
    yield from _head("pixelstat", text.partition("\n")[0])
    yield from _section("SYNOPSIS", f"{_bold('pixelstat')} [OPTIONS] COMMAND [ARGS]...\n")
    yield from _section("DESCRIPTION", *_paragraphs(text))
    for heading, lines in {**reports.SECTIONS, commands.SECTION: commands.NAMES}.items():
        items = {f"pixelstat-{name}({SECTION})": line for name, line in lines.items()}
        yield from _section(heading.upper(), *_definitions(items))
    options = [option for option in pixelstat.get_params(ctx) if isinstance(option, click.Option)]
    yield from _section("OPTIONS", *_options(ctx, options))
    yield from _section("EXIT STATUS", *_definitions({str(int(code)): line for code, line in EXIT_STATUS.items()}))


def _command_page(ctx: click.Context, name: str) -> Iterator[str]:
    """Yield the page of a command."""
    command = ctx.command
    yield from _head(f"pixelstat-{name}", LINES[name])
    usage = " ".join(command.collect_usage_pieces(ctx))
    yield from _section("SYNOPSIS", f"{_bold(f'pixelstat {name}')} {_escape(usage)}\n")
    yield from _section("DESCRIPTION", *_paragraphs(inspect.cleandoc(command.help or "")))
    if isinstance(command, LogCommand):
        yield from _section("OPTIONS", *_options(ctx, [*command.own_options, *command.list_help_options(ctx)]))
        for heading, shared in COMMON.items():
            options = [option for option in shared if option in command.params]
            yield from _section(heading.upper(), *_options(ctx, options))
    else:
        options = [option for option in command.get_params(ctx) if isinstance(option, click.Option)]
        yield from _section("OPTIONS", *_options(ctx, options))
    others = f"{_bold(f'pixelstat({SECTION})')}, {_escape('`pixelstat help`')}"
    columns = f", {_escape(f'`pixelstat schema {name}`')}" if name in (*reports.NAMES, "events") else ""
    yield from _section("SEE ALSO", f"{others}{columns}\n")


def _head(name: str, line: str) -> Iterator[str]:
    """Yield the title of a page and its section NAME. There is no date, so that the same source gives the same page."""
    yield f'.TH "{_escape(name.upper())}" "{SECTION}" "" "pixelstat {__version__}" "pixelstat manual"\n.nh\n'
    yield from _section("NAME", f"{_escape(name)} \\- {_escape(line.removesuffix('.'))}\n")


def _section(heading: str, *parts: str) -> Iterator[str]:
    """Yield a section, or nothing if it has no parts."""
    if parts:
        yield f'.SH "{_escape(heading)}"\n'
        yield from parts


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; a line of `\\b` in front of one keeps its lines as they are."""
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b"):
            lines = "\n".join(map(_escape, paragraph.splitlines()[1:]))
            yield f".PP\n.RS 4\n.nf\n{lines}\n.fi\n.RE\n"
        else:
            yield f".PP\n{_escape(' '.join(paragraph.split()))}\n"


def _options(ctx: click.Context, options: Sequence[click.Option]) -> Iterator[str]:
    """Yield the options with their texts and defaults."""
    yield from _definitions(dict(describe_option(ctx, option, is_short=False) for option in options))


def _definitions(items: Mapping[str, str]) -> Iterator[str]:
    """Yield terms, each with its text."""
    for term, text in items.items():
        yield f".TP\n{_bold(term)}\n{_escape(text)}\n"


def _bold(text: str) -> str:
    return f"\\fB{_escape(text)}\\fR"


def _escape(text: str) -> str:
    """Return the text for roff: each character stands for itself, and `code` in backquotes is bold."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    text = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", text)
    text = text.replace("`", "\\(ga").replace("'", "\\(aq").replace('"', "\\(dq")
    return f"\\&{text}" if text.startswith(".") else text

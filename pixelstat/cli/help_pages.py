"""Write the two help pages of a command over logs: a short one for one screen, and one with all options."""

import inspect
from typing import Any

import click

from pixelstat.options.shared import COMMON, common_options

MOST_USED = ("since", "until", "tz", "where", "host", "bots", "format", "output", "quiet")
COLUMN_WIDTH = 24  # of the names of options; a longer name has a line of its own


class LogCommand(click.Command):
    """A command over logs. `--help` shows its own options and the most used ones of all, `--help-all` every option."""

    def __init__(self, name: str, *, params: list[click.Parameter], **settings: Any) -> None:
        super().__init__(name, params=[*params, build_help_all_option()], **settings)

    @property
    def own_options(self) -> list[click.Option]:
        """The options that not every report has."""
        shared = common_options()
        return [
            option
            for option in self.params
            if isinstance(option, click.Option) and option not in shared and option.name != "help_all"
        ]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the short page: the first paragraph and the examples of the text, and the options most in use."""
        paragraphs = inspect.cleandoc(self.help or "").split("\n\n")
        examples = [paragraph for paragraph in paragraphs[1:] if paragraph.startswith("\b")]
        self.format_usage(ctx, formatter)
        write_text(formatter, "\n\n".join([paragraphs[0], *examples]))
        write_options(ctx, formatter, "Options", self.own_options, is_short=True)
        by_name = {option.name: option for option in common_options() if option in self.params}
        common = [by_name[name] for name in MOST_USED if name in by_name]
        write_options(ctx, formatter, "Common options", [*common, *self.list_help_options(ctx)], is_short=True)
        self.format_epilog(ctx, formatter)

    def format_full_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the long page: the whole text and all options, by the question that they answer."""
        self.format_usage(ctx, formatter)
        write_text(formatter, inspect.cleandoc(self.help or ""))
        write_options(ctx, formatter, "Options", self.own_options)
        for heading, options in COMMON.items():
            write_options(ctx, formatter, heading, [option for option in options if option in self.params])
        write_options(ctx, formatter, "Help", self.list_help_options(ctx))
        self.format_epilog(ctx, formatter)

    def list_help_options(self, ctx: click.Context) -> list[click.Option]:
        """Return the options that show the two pages."""
        help_all = [option for option in self.params if isinstance(option, click.Option) and option.name == "help_all"]
        return [option for option in (self.get_help_option(ctx), *help_all) if option]


def build_help_all_option() -> click.Option:
    """Return the option that shows the long page of a command."""
    return click.Option(
        ["--help-all"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_full_help,
        help="Show all options and exit.",
    )


def _show_full_help(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(render_full_help(ctx))
        ctx.exit()


def render_full_help(ctx: click.Context) -> str:
    """Return the long help page of the context's command, or its only page if it has one."""
    if not isinstance(ctx.command, LogCommand):
        return ctx.get_help()
    formatter = ctx.make_formatter()
    ctx.command.format_full_help(ctx, formatter)
    return formatter.getvalue().rstrip("\n")


def write_text(formatter: click.HelpFormatter, text: str) -> None:
    """Write paragraphs; a line of `\\b` in front of one keeps its lines as they are."""
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(text)


def write_options(
    ctx: click.Context,
    formatter: click.HelpFormatter,
    heading: str,
    options: list[click.Option],
    *,
    is_short: bool = False,
) -> None:
    """Write a section of options, or nothing if there are none. A short one has the first sentences of the texts."""
    if options:
        with formatter.section(heading):
            formatter.write_dl([describe_option(ctx, option, is_short=is_short) for option in options], COLUMN_WIDTH)


def describe_option(ctx: click.Context, option: click.Option, *, is_short: bool) -> tuple[str, str]:
    """Return the names of an option, and its help text with its default."""
    names, _ = option.get_help_record(ctx) or ("", "")
    text = option.help or ""
    if is_short and ". " in text:
        text = text.partition(". ")[0] + "."
    default = option.get_help_extra(ctx).get("default")
    return names, f"{text} [default: {default}]" if default else text

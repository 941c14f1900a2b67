"""Collect the defaults of a command's options: from the environment, from pixelstat.toml, and its own.

    [defaults]
    tz = "Europe/Berlin"           # of every command that has the option

    [defaults.funnel]
    window = "1d"                  # of one command

    PIXELSTAT_FUNNEL_WINDOW=1d     # the same in the environment

A value on the command line wins, then the environment, then [defaults.COMMAND], then [defaults], then what the command
declares. In both the environment and the file the entry of the command comes before the general one.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import click

from pixelstat import reports
from pixelstat.config import Config, DefaultsTable, load_config
from pixelstat.errors import PixelstatError, suggest
from pixelstat.funnels import from_options

PREFIX = "PIXELSTAT"
ONLY_TYPED = ("help", "help_all", "explain", "debug")  # options that have no default anywhere
NOT_IN_FILE = (*ONLY_TYPED, "config")
WRITES_FILE = "init"  # the command that writes pixelstat.toml does not read it

# Pairs of options that cannot be combined, beside those of the funnel and those with --compare.
CONFLICTS = (
    ("--funnel", "--steps"),
    ("--funnel", "--step"),
    ("--from", "--to"),
    ("--abandoned", "--viewed-not-purchased"),
    ("--cookieless", "--visitor"),
    ("--cookieless", "--stitch"),
    ("--strict", "--max-errors"),
    ("--log-format", "--nginx-conf"),
)
# The default of an option of `funnel` has no effect without the option that it modifies.
MODIFIED_BY = {"touch": "by", "top": "by", "exclude_mode": "exclude", "strict_over": "order"}

CONFIG, ENVIRONMENT = "pixelstat.config", "pixelstat.environment"  # keys of Click's `Context.meta`

Fail = Callable[[str], PixelstatError]  # builds the error for a value from what is wrong with it


def with_defaults(command: click.Command, context: click.Context, arguments: Sequence[str]) -> click.Command:
    """Return the command with the defaults of this run. `context` is that of the group of all commands.

    Raises PixelstatError for a default that its option cannot have. With --help nothing is read.
    """
    options = _name_options(command)
    probe = click.Context(command, context, command.name, resilient_parsing=True)
    parsed = command.make_parser(probe).parse_args(list(arguments))[0]
    help_option = command.get_help_option(probe)
    if {"help_all", help_option and help_option.name} & {*parsed}:
        return command
    environment = _read_environment(str(command.name), options)
    variables = {name for level in environment for name in level}
    config = Config()
    if command.name != WRITES_FILE:
        path = parsed.get("config") or next((level["config"] for level in environment if "config" in level), None)
        config = load_config(path)
        context.meta[CONFIG] = config
    context.meta[ENVIRONMENT] = frozenset(str(options[name].name) for name in variables)
    chosen = {name: parsed[option.name] for name, option in options.items() if option.name in parsed}
    on_command_line = {*chosen}
    conflicts = [*list_conflicts(str(command.name))]
    for level in (*environment, *_read_file(config, command, options, context)):
        chosen = {**_yield_to(level, chosen, conflicts, options), **chosen}
    if command.name == "funnel":
        chosen = {name: value for name, value in chosen.items() if MODIFIED_BY.get(name, name) in chosen}
    defaults = {str(options[name].name): value for name, value in chosen.items() if name not in on_command_line}
    command = copy(command)
    settings = command.context_settings
    command.context_settings = {**settings, "default_map": {**settings.get("default_map", {}), **defaults}}
    return command


def list_conflicts(command: str) -> Iterator[tuple[str, str]]:
    """Yield each pair of options of a command that cannot be combined, as in `--order strict` and `--optional`."""
    yield from CONFLICTS
    if command in reports.NAMES:
        report = reports.load_report(command)
        yield from (
            ("--compare", option.opts[0]) for option in report.options if option.name in report.not_comparable_with
        )
    if command == "funnel":
        yield from from_options.list_conflicts()


def _yield_to(
    defaults: Mapping[str, Any],
    stronger: Mapping[str, Any],
    conflicts: Iterable[tuple[str, str]],
    options: Mapping[str, click.Option],
) -> dict[str, Any]:
    """Return the defaults without those that cannot be combined with the values of a stronger source."""
    dropped = {
        _normalize(weak.split()[0])
        for pair in conflicts
        for weak, strong in (pair, pair[::-1])
        if _uses(defaults, weak, options) and _uses(stronger, strong, options)
    }
    return {name: value for name, value in defaults.items() if name not in dropped}


def _uses(values: Mapping[str, Any], use: str, options: Mapping[str, click.Option]) -> bool:
    """Return whether the values use an option as a conflict names it: `--every`, `--touch all or step`.

    Without a word behind its name, every value counts except the one that the option has anyway.
    """
    option, *words = use.split()
    name = _normalize(option)
    if name not in values:
        return False
    if words:
        return str(values[name]).partition(":")[0] in words
    return bool(values[name]) and str(values[name]) != str(options[name].default)


def find_config(path: str | None) -> Config:
    """Return the Config that the defaults of this run come from, else load it."""
    context = click.get_current_context(silent=True)
    config = context.meta.get(CONFIG) if context else None
    return config if isinstance(config, Config) else load_config(path)


def is_given(name: str) -> bool:
    """Return whether this option of the current command is on the command line."""
    return click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def is_given_for_run(name: str) -> bool:
    """Return whether this option of the current command is on the command line or in the environment."""
    return is_given(name) or name in click.get_current_context().meta.get(ENVIRONMENT, ())


def _name_options(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by their long names, with `_` for `-`."""
    options = [param for param in command.params if isinstance(param, click.Option)]
    return {_normalize(max(option.opts, key=len)): option for option in options}


def _normalize(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


# -- the environment ---------------------------------------------------------------------------------------------


def _read_environment(command: str, options: Mapping[str, click.Option]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of environment variables by option: of those for the command, and of the others.

    An empty variable is ignored. An option that repeats takes one value from each line.
    """
    for_command: dict[str, Any] = {}
    general: dict[str, Any] = {}
    for name, option in options.items():
        if name in ONLY_TYPED or (command == WRITES_FILE and name == "output"):  # a variable names the file of a report
            continue
        for values, variable in (
            (for_command, f"{PREFIX}_{_normalize(command)}_{name}"),
            (general, f"{PREFIX}_{name}"),
        ):
            if os.environ.get(variable.upper()):
                values[name] = _read_variable(variable.upper(), option)
                break
    return for_command, general


def _read_variable(variable: str, option: click.Option) -> Any:
    """Return the value of an environment variable as Click takes it."""

    def fail(what: str) -> PixelstatError:
        return PixelstatError(f"The environment variable {variable} {what}.", "Correct it, or unset it.")

    value: Any = os.environ[variable]
    if option.is_flag:
        try:
            value = click.BOOL.convert(value, None, None)
        except click.UsageError as error:
            raise fail("is not true or false") from error
    return _check_value(option, value.splitlines() if option.multiple else value, fail)


# -- the file ----------------------------------------------------------------------------------------------------


def _read_file(
    config: Config, command: click.Command, options: Mapping[str, click.Option], context: click.Context
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of [defaults.COMMAND] and [defaults] by option. Tables of other commands are checked only."""
    table = config.defaults
    commands = _ListedCommands(context)
    for_command: dict[str, Any] = {}
    general: dict[str, Any] = {}
    for key, value in table.general.items():
        name = _normalize(key)
        _require_option(table, key, options if name in options else commands.list_options(), "defaults")
        if name in options:
            hint = "If only some commands take this value, write it below [defaults.COMMAND]."
            general[name] = _read_value(config, value, options[name], _fail_in_file(table, key, "defaults", hint))
    for other, entries in table.by_command.items():
        if other not in commands.names:
            advice = suggest(other, commands.names).strip() or f"There are {', '.join(commands.names)}."
            raise table.error(other, "is not a command", advice, "defaults")
        above = f"defaults.{other}"
        own_options = options if other == command.name else commands.find_options(other)
        for key, value in entries.items():
            _require_option(table, key, own_options, above)
            checked = _read_value(config, value, own_options[_normalize(key)], _fail_in_file(table, key, above))
            for_command |= {_normalize(key): checked} if other == command.name else {}
    return for_command, general


class _ListedCommands:
    """The commands of the group, and their options. A command is imported when its options are needed."""

    def __init__(self, context: click.Context) -> None:
        assert isinstance(context.command, click.Group)
        self.context, self.group = context, context.command
        self.names = self.group.list_commands(context)

    def find_options(self, name: str) -> dict[str, click.Option]:
        command = self.group.get_command(self.context, name)
        return _name_options(command) if command else {}

    def list_options(self) -> set[str]:
        return {option for name in self.names for option in self.find_options(name)}


def _require_option(table: DefaultsTable, key: str, options: Iterable[str], above: str) -> None:
    """Raise PixelstatError where a key of the file names no option, or one that the file cannot set."""
    name = _normalize(key)
    if name in NOT_IN_FILE:
        raise table.error(key, "cannot have a default in the file", "Remove the line.", above)
    if name not in options:
        advice = suggest(name, options).strip() or "pixelstat COMMAND --help lists the options."
        raise table.error(key, "is not an option", advice, above)


def _fail_in_file(table: DefaultsTable, key: str, above: str, hint: str = "") -> Fail:
    return lambda what: table.error(key, what, hint, above)


def _read_value(config: Config, value: Any, option: click.Option, fail: Fail) -> Any:
    """Return a value of the file as Click takes it. The path of a file starts from the folder of pixelstat.toml."""
    checked = _check_value(option, value, fail)
    metavar = str(option.metavar)
    if config.path is None or not metavar.startswith("FILE"):
        return checked
    folder, words = str(config.path.parent), ("-", *metavar.split("|")[1:])
    if option.name == "output":
        folder = folder.replace("%", "%%")  # a name may contain a date, but its folder does not

    def locate(path: str) -> str:
        return path if path in words else str(Path(folder, path))

    return [locate(path) for path in checked] if option.multiple else locate(checked)


# -- values ------------------------------------------------------------------------------------------------------


def _check_value(option: click.Option, value: Any, fail: Fail) -> Any:
    """Return a value as Click takes it from a map of defaults, after a trial. Raises the error of `fail`."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise fail("is not true or false")
    elif option.multiple:
        value = [_to_text(item, fail) for item in (value if isinstance(value, list) else [value])]
    else:
        value = _to_text(value, fail)
    try:
        option.type_cast_value(click.get_current_context(), value)
    except click.UsageError as error:
        raise fail(f"is wrong. {error.message.rstrip('.')}") from error
    return value


def _to_text(value: Any, fail: Fail) -> str:
    """Return a text or a number as it would be typed."""
    if isinstance(value, list):
        raise fail("is a list, but the option takes one value")
    if isinstance(value, bool | dict):
        raise fail("is not a text or a number")
    return str(value)

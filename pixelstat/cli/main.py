"""Start the `pixelstat` command: find the report or command, turn failures into exit codes, handle signals.

It imports no Polars, so that --help and --version answer at once.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pixelstat import __version__, reports
from pixelstat.cli import commands
from pixelstat.cli.command_line import COMMANDS, LINES, arrange_arguments, explain_unknown_command
from pixelstat.cli.completion import complete_words, is_completion
from pixelstat.errors import Exit, PixelstatError, ReaderGoneError
from pixelstat.terminal import discard_stdout, say, stop_progress

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Polars' allocator keeps its memory for a while. Giving blocks back to the system between two batches, only to ask for
# them again, takes a tenth of the time; keeping them for good takes a quarter more memory.
ALLOCATOR_SETTINGS = "background_thread:false,oversize_threshold:0,dirty_decay_ms:1000,muzzy_decay_ms:0,narenas:2"
COMPLETES_OPTIONS = "pixelstat.completes_options"  # a key of ctx.meta


class CommandGroup(click.Group):
    """The group of all commands. A command is imported when it is called: `pixelstat --help` loads no Polars."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """Return the names of all commands, reports first."""
        return [*COMMANDS]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; common options may be in front of the command."""
        if not ctx.resilient_parsing:
            return super().parse_args(ctx, arrange_arguments(args) or ["--help"])
        arranged = arrange_arguments(args, is_completion=True)
        ctx.meta[COMPLETES_OPTIONS] = bool(arranged) and arranged[0].startswith("-")
        return super().parse_args(ctx, arranged)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options of the program, and where they are completed in front of a command, the common ones."""
        if not ctx.meta.get(COMPLETES_OPTIONS):
            return super().get_params(ctx)
        from pixelstat.options.shared import common_options

        return [*super().get_params(ctx), *common_options()]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Return the commands or options that begin with an incomplete word, else let the shell complete a file."""
        if incomplete.startswith("-"):
            ctx.meta[COMPLETES_OPTIONS] = True
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem

        items = [CompletionItem(name, help=line) for name, line in LINES.items() if name.startswith(incomplete)]
        return items or [CompletionItem(incomplete, type="file")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command. Raises PixelstatError where there is none of this name, unless a shell completes it."""
        if cmd_name in commands.NAMES:
            return commands.load_command(cmd_name)
        if cmd_name not in reports.NAMES:
            if ctx.resilient_parsing:
                return None
            raise explain_unknown_command(cmd_name)
        from pixelstat.cli.report_command import ReportCommand

        return ReportCommand(reports.load_report(cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, with the defaults of its options. Completions in a shell need none."""
        name, command, arguments = super().resolve_command(ctx, args)
        has_options = command is not None and any(isinstance(param, click.Option) for param in command.params)
        if command is None or not has_options or ctx.resilient_parsing:
            return name, command, arguments
        from pixelstat.cli.defaults import with_defaults

        return name, with_defaults(command, ctx, arguments), arguments

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in sections, with the lines of all in one column."""
        width = max(map(len, self.list_commands(ctx)))
        for heading, lines in {**reports.SECTIONS, commands.SECTION: commands.NAMES}.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:{width}}", line) for name, line in lines.items()])


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.version_option(__version__, "--version", message="pixelstat %(version)s")
def pixelstat() -> None:
    """Report visitors, conversions and revenue from tracking pixels in the access logs of web servers.

    \b
    pixelstat access.log*                     show the summary
    pixelstat funnel access.log* --steps /,/cart,purchase --window 1d
    pixelstat views access.log* --every day -o days.csv
    zcat old/*.gz | pixelstat views

    LOGS are files, directories, quoted globs or - for standard input: plain, gzip, zstd, bzip2, xz, tar or zip. Parquet
    files of `pixelstat events` are possible too. By default, pixelstat reads the logs that pixelstat.toml names, else
    standard input.

    Run `pixelstat COMMAND --help` for the options of a command, and `pixelstat help` for the manual.
    """


def program() -> None:
    """Run `main`, then leave the process at once: freeing memory would take a twentieth of a large log's time."""
    gc.disable()  # until everything is loaded: see `run_command`
    try:
        main()
    except SystemExit as exit_:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(exit_.code if isinstance(exit_.code, int) else Exit.BUG)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with one of the codes in `Exit`."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", ALLOCATOR_SETTINGS)
    _leave_on_signals()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(arguments)
    except ReaderGoneError:
        discard_stdout()
        code = Exit.DONE
    except PixelstatError as error:
        code = _report_failure(error, error.code, arguments)
    except click.ClickException as error:
        usage = getattr(error, "ctx", None)
        path = usage.command_path if usage else " ".join(["pixelstat", *find_command(arguments)])
        hint = f"Try: {path} --help"
        sentence = error.format_message().expandtabs(4)  # Click puts tabs in front of choices
        code = _report_failure(PixelstatError(sentence, hint), Exit.USAGE, arguments)
    except BaseException as error:
        if "--debug" in arguments or not isinstance(error, (Exception, *_panic_types())):
            raise
        sentence = f"pixelstat failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        say(f"{sentence}\n\nThis is a bug. --debug shows where.")
        code = Exit.BUG
    raise SystemExit(int(code))


def _run(arguments: list[str]) -> Exit:
    """Run the command and return its exit code.

    Click's own `main` is not used: it has other exit codes for pipes and interrupts.
    """
    if is_completion():
        return complete_words(pixelstat)
    try:
        with pixelstat.make_context("pixelstat", arguments) as context:
            code = pixelstat.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit:  # --help and --version
        code = Exit.DONE if arguments else Exit.USAGE
        if not arguments:
            say("There is no command and no log.")
    except BrokenPipeError as error:
        raise ReaderGoneError from error
    return code or Exit.DONE


def find_command(arguments: Sequence[str]) -> list[str]:
    """Return the first argument that is a command, or nothing: Click's parser does not know its command."""
    return [argument for argument in arguments if argument in COMMANDS][:1]


def _report_failure(error: PixelstatError, code: Exit, arguments: Sequence[str]) -> Exit:
    """Print the error and return its exit code; with --debug raise it."""
    if "--debug" in arguments:
        raise error
    say(f"Error: {error}")
    return code


def _panic_types() -> tuple[type[BaseException], ...]:
    """Return the type of Polars' panics, which is not an Exception, where Polars was loaded."""
    polars = sys.modules.get("polars")
    return (polars.exceptions.PanicException,) if polars else ()


def _leave_on_signals() -> None:
    """Leave at once on Ctrl-C and SIGTERM: Polars would notice them only when it is done.

    Nothing is lost, because an output appears whole or not at all. The signals are blocked before any other thread
    exists, so that the thread that waits for them gets them.
    """
    awaited = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)

    def wait() -> None:
        caught = signal.sigwait(awaited)
        code = Exit.INTERRUPTED if caught == signal.SIGINT else Exit.TERMINATED
        stop_progress()
        if atomic_file := sys.modules.get("pixelstat.atomic_file"):  # it is loaded where anything is written
            atomic_file.remove_unfinished()
        os.write(2, f"pixelstat: {code.name.lower()}\n".encode())
        os._exit(code)

    threading.Thread(target=wait, daemon=True, name="signals").start()

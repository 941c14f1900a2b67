"""Start the `pixelstat` command: find the report or command, turn failures into exit codes, handle signals.

It imports no Polars, so that --help and --version answer at once.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence

import click

from pixelstat import __version__, reports
from pixelstat.cli import commands
from pixelstat.errors import Exit, PixelstatError, ReaderGoneError, suggest
from pixelstat.terminal import discard_stdout, say, stop_progress

# Polars' allocator keeps its memory for a while. Giving blocks back to the system between two batches, only to ask for
# them again, takes a tenth of the time; keeping them for good takes a quarter more memory.
ALLOCATOR_SETTINGS = "background_thread:false,oversize_threshold:0,dirty_decay_ms:1000,muzzy_decay_ms:0,narenas:2"

DEFAULT_REPORT = "summary"


class CommandGroup(click.Group):
    """The group of all commands. A command is imported when it is called: `pixelstat --help` loads no Polars."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """Return the names of all commands, reports first."""
        return [*reports.NAMES, *commands.NAMES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - Click's signature
        """Import a command. Raises PixelstatError where there is none of this name."""
        if cmd_name in commands.NAMES:
            return commands.load_command(cmd_name)
        if cmd_name not in reports.NAMES:
            names = [*reports.NAMES, *commands.NAMES]
            advice = suggest(cmd_name, names) or f" There are {', '.join(names)}."
            raise PixelstatError(f"There is no command {cmd_name!r}.{advice}", "Try: pixelstat --help")
        from pixelstat.cli.report_command import ReportCommand

        return ReportCommand(reports.load_report(cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, with the defaults of its options. Completions in a shell need none."""
        name, command, arguments = super().resolve_command(ctx, args)
        if command is None or ctx.resilient_parsing:
            return name, command, arguments
        from pixelstat.cli.defaults import with_defaults

        return name, with_defaults(command, ctx, arguments), arguments

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands in two sections."""
        with formatter.section("Reports"):
            formatter.write_dl(list(reports.NAMES.items()))
        with formatter.section("About logs and pixels"):
            formatter.write_dl(list(commands.NAMES.items()))


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.version_option(__version__, "--version", message="pixelstat %(version)s")
def pixelstat() -> None:
    """Find the tracking-pixel requests in web-server access logs and answer what people track for.

    \b
    pixelstat access.log*                     the summary
    pixelstat funnel access.log*              the usual funnel of a shop
    pixelstat funnel access.log* --steps /,/cart,purchase --window 1d
    pixelstat views access.log* --every day -o days.csv
    zcat old/*.gz | pixelstat views

    LOGS are files, directories or quoted globs, plain, gzip, zstd, bzip2 or xz, or Parquet of events; without any,
    those of pixelstat.toml, else standard input.
    """


def program() -> None:
    """Run `main`, then leave the process at once: freeing memory would take a twentieth of a large log's time."""
    gc.disable()  # until everything is loaded: see `run.execute`
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
        hint = f"Try: {usage.command_path} --help" if usage else "Try: pixelstat --help"
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
    try:
        with pixelstat.make_context("pixelstat", add_default_report(arguments) or ["--help"]) as context:
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


def add_default_report(arguments: list[str]) -> list[str]:
    """Put the name of the default report in front of arguments that begin with a log."""
    first = arguments[0] if arguments else ""
    if not first or first in (*reports.NAMES, *commands.NAMES) or (first != "-" and first.startswith("-")):
        return [*arguments]
    from pixelstat.sources import discovery

    return [DEFAULT_REPORT, *arguments] if first == "-" or discovery.has_match(first) else [*arguments]


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

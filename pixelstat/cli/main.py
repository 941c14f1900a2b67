"""The `pixelstat` command: a lazy group of reports, exit codes and signals. It imports no Polars."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from difflib import get_close_matches

import click

from pixelstat import __version__, reports
from pixelstat.cli import commands
from pixelstat.errors import Exit, PixelstatError, ReaderGoneError
from pixelstat.terminal import let_go_of_stdout, say

# Polars' allocator keeps the memory that it has: giving blocks back to the system between any two batches, only to
# ask for them again, takes a tenth of the time; keeping it for good takes a quarter more of it.
ALLOCATION = "background_thread:false,oversize_threshold:0,dirty_decay_ms:1000,muzzy_decay_ms:0,narenas:2"

WITHOUT_A_REPORT = "summary"


class Reports(click.Group):
    """The commands, imported when they are called: `pixelstat --help` answers before Polars has loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        return [*reports.NAMES, *commands.NAMES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - Click's signature
        if cmd_name in commands.NAMES:
            return commands.command_named(cmd_name)
        if cmd_name not in reports.NAMES:
            known = [*reports.NAMES, *commands.NAMES]
            near = get_close_matches(cmd_name, known, 1)
            meant = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
            raise PixelstatError(f"There is no command {cmd_name!r}. {meant}", "Try: pixelstat --help")
        from pixelstat.cli.report_command import ReportCommand

        return ReportCommand(reports.report_named(cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Reports"):
            formatter.write_dl(list(reports.NAMES.items()))
        with formatter.section("About logs and pixels"):
            formatter.write_dl(list(commands.NAMES.items()))


@click.group(cls=Reports, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
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
    """`main`, and out at once: to tidy up hundreds of megabytes for nobody takes a twentieth of a large log's time."""
    gc.disable()  # until all is loaded: see `run.performed`
    try:
        main()
    except SystemExit as end:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(end.code if isinstance(end.code, int) else Exit.BUG)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with one of the codes in `Exit`."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", ALLOCATION)
    _leave_on_signals()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(given)
    except ReaderGoneError:
        let_go_of_stdout()
        code = Exit.DONE
    except PixelstatError as error:
        code = _failed(error, error.code, given)
    except click.ClickException as error:
        usage = getattr(error, "ctx", None)
        hint = f"Try: {usage.command_path} --help" if usage else "Try: pixelstat --help"
        sentence = error.format_message().expandtabs(4)  # Click puts tabs in front of choices
        code = _failed(PixelstatError(sentence, hint), Exit.USAGE, given)
    except BaseException as error:
        if "--debug" in given or not isinstance(error, (Exception, *_panics())):
            raise
        sentence = f"pixelstat failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        say(f"{sentence}\n\nThis is a bug. --debug shows where.")
        code = Exit.BUG
    raise SystemExit(int(code))


def _run(given: list[str]) -> Exit:
    """The command's own exit code. Not by Click's `main`, which has exit codes of its own for pipes and interrupts."""
    try:
        with pixelstat.make_context("pixelstat", with_report(given) or ["--help"]) as context:
            code = pixelstat.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit:  # --help and --version
        code = Exit.DONE if given else Exit.USAGE
    except BrokenPipeError as error:
        raise ReaderGoneError from error
    return code or Exit.DONE


def with_report(given: list[str]) -> list[str]:
    """The arguments, behind the report that logs without one ask for."""
    first = given[0] if given else ""
    if not first or first in (*reports.NAMES, *commands.NAMES) or (first != "-" and first.startswith("-")):
        return [*given]
    from pixelstat.sources import discovery

    return [WITHOUT_A_REPORT, *given] if first == "-" or discovery.all_exist(first) else [*given]


def _failed(error: PixelstatError, code: Exit, given: Sequence[str]) -> Exit:
    if "--debug" in given:
        raise error
    say(f"Error: {error}")
    return code


def _panics() -> tuple[type[BaseException], ...]:
    """Polars' panic is no Exception; it is one of ours to catch, if Polars was ever loaded."""
    polars = sys.modules.get("polars")
    return (polars.exceptions.PanicException,) if polars else ()


def _leave_on_signals() -> None:
    """Leave at once on Ctrl-C and SIGTERM: Polars would hear of them only when it is done.

    Nothing is lost by it: an output appears whole or not at all. The signals are blocked before any thread
    exists, so that the thread that waits for them gets them.
    """
    awaited = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)

    def wait() -> None:
        caught = signal.sigwait(awaited)
        code = Exit.INTERRUPTED if caught == signal.SIGINT else Exit.TERMINATED
        if atomic_file := sys.modules.get("pixelstat.atomic_file"):  # which loads Polars: nothing is written without it
            atomic_file.remove_unfinished()
        os.write(2, f"pixelstat: {code.name.lower()}\n".encode())
        os._exit(code)

    threading.Thread(target=wait, daemon=True, name="signals").start()


if __name__ == "__main__":
    program()

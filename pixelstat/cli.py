"""The `pixelstat` command: a lazy group of reports, exit codes and signals. It imports no Polars."""

import os
import signal
import sys
import threading
from collections.abc import Sequence

import click

from pixelstat import __version__, reports
from pixelstat.errors import Exit, PixelstatError
from pixelstat.terminal import say


class Reports(click.Group):
    """The commands, imported when they are called: `pixelstat --help` answers before Polars has loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        return list(reports.NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - Click's signature
        if cmd_name not in reports.NAMES:
            return None
        from pixelstat.command import ReportCommand

        return ReportCommand(reports.report_named(cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Reports"):
            formatter.write_dl(list(reports.NAMES.items()))


@click.group(cls=Reports, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="pixelstat %(version)s")
def pixelstat() -> None:
    """Find the tracking-pixel requests in web-server access logs and answer what people track for.

    \b
    pixelstat funnel access.log*                     the shop funnel, as far as its events occur
    pixelstat funnel access.log* --steps /,/cart,purchase --window 1d
    pixelstat views access.log* --every day -o days.csv
    zcat old/*.gz | pixelstat views

    LOGS are files, directories or quoted globs, plain, gzip or zstd; without any, standard input is read.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with one of the codes in `Exit`."""
    _leave_on_signals()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = pixelstat.main(given, prog_name="pixelstat", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        _drop_stdout()
        raise SystemExit(int(Exit.DONE)) from None
    except PixelstatError as error:
        raise SystemExit(_failed(error, error.code, given)) from None
    except click.ClickException as error:
        usage = getattr(error, "ctx", None)
        hint = f"Try: {usage.command_path} --help" if usage else "Try: pixelstat --help"
        raise SystemExit(_failed(PixelstatError(error.format_message(), hint), Exit.USAGE, given)) from None
    except click.exceptions.Exit as error:
        raise SystemExit(error.exit_code) from None
    except BaseException as error:
        if not isinstance(error, (Exception, *_panics())):
            raise
        if "--debug" in given:
            raise
        sentence = f"pixelstat failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        say(f"{sentence}\n\nThis is a bug. --debug shows where.")
        raise SystemExit(int(Exit.BUG)) from None
    raise SystemExit(int(code or Exit.DONE))


def _failed(error: PixelstatError, code: Exit, given: Sequence[str]) -> int:
    if "--debug" in given:
        raise error
    say(f"Error: {error}")
    return int(code)


def _panics() -> tuple[type[BaseException], ...]:
    """Polars' panic is no Exception; it is one of ours to catch, if Polars was ever loaded."""
    polars = sys.modules.get("polars")
    return (polars.exceptions.PanicException,) if polars else ()


def _drop_stdout() -> None:
    """Let Python's own flush at exit find somebody to write to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
        os.write(2, f"pixelstat: {code.name.lower()}\n".encode())
        os._exit(code)

    threading.Thread(target=wait, daemon=True, name="signals").start()


if __name__ == "__main__":
    main()

"""A report as a command: all that happens between the command line and the output, the same for every report."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import polars as pl

from pixelstat import keys, outputs, paths, source, stored
from pixelstat.comparison import comparison, side_by_side
from pixelstat.config import Config, Funnel
from pixelstat.errors import Exit, PixelstatError
from pixelstat.explain import explain
from pixelstat.grouped import by_format, candidates
from pixelstat.ledger import Ledger, count
from pixelstat.options import COMMON, by_option, common_options, compare_option, logs_argument, moment, reveal_option
from pixelstat.people import networks, places, pseudonyms, sending, visits
from pixelstat.people.behaviour import Limits
from pixelstat.people.identity import KINDS
from pixelstat.pipeline import Logs, Selection, kept
from pixelstat.rejects import Limit, Rejects, check_limit
from pixelstat.report import NUMBERS, Report
from pixelstat.reports.steps import Step, columns_hint, condition, step
from pixelstat.schemas import CONDITION_COLUMNS
from pixelstat.suggestions import requested_instead
from pixelstat.terminal import progress, say
from pixelstat.vocabulary import SPELLINGS, fold_event

UNCOMPARED = ("visitors_at", "viewed_not_purchased", "histogram")  # options for rows that another period has not


class ReportCommand(click.Command):
    """A command whose help shows its own options first and those of every report under their headings."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(
            report.name, help=inspect.cleandoc(report.about), short_help=report.about.partition("\n")[0],
            params=[logs_argument, *self.own(), *common_options()], callback=self.perform,
            context_settings={"default_map": dict(report.defaults)},
        )  # fmt: skip

    def own(self) -> list[click.Parameter]:
        may_show_ids = by_option in self.report.options or any(
            column.name in pseudonyms.OF_WHOM for column in self.report.columns
        )
        return [*self.report.options, compare_option, *([reveal_option] if may_show_ids else [])]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, Sequence[click.Parameter]] = {"This report": self.own(), **COMMON}
        for heading, options in sections.items():
            records = [record for option in options if (record := option.get_help_record(ctx))]
            with formatter.section(heading):
                formatter.write_dl(records, col_max=26)
        with formatter.section("Columns"):
            formatter.write_dl([(column.name, column.about) for column in self.report.columns], col_max=26)

    def perform(self, logs: Sequence[str], **given: Any) -> Exit:
        """The command's work; the exit code is its result."""
        common = {option.name: given.pop(str(option.name)) for option in common_options()}
        zone: ZoneInfo = common["tz"]
        if given.get("every") and not given.get("by") and _is_given("top") and not common["quiet"]:
            say("--top needs --by; a series over time is shown whole.")
        against, every, is_revealed = given.pop("compare"), given.get("every"), given.pop("reveal_ids", False)
        if against and (alone := next((name for name in UNCOMPARED if given.get(name)), None)):
            option = f"--{alone.replace('_', '-')}"
            raise PixelstatError(f"{option} and --compare do not go together.", "Leave one of them out.")
        options = report_options(self.report, given, common, zone)
        named = [*self.report.named(**options)]
        require_geo([*named, *(column.name for column in self.report.columns)], common)
        selection = selected(common, zone, named, of_visits=self.report.of_visits)
        if against is None and self.report.compares and selection.since:
            against = "previous"
        wanted = comparison(against, selection.since, selection.until, zone) if against else None
        if wanted:
            selection = replace(selection, since=wanted.both.since, until=wanted.both.until)
        told = inspect.signature(self.report.function).parameters
        if "since" in told and not wanted:  # what is compared is looked at for equally long, and no further
            options |= {"since": selection.since, "until": selection.until}
            selection = _ahead(selection, self.report.ahead(**options))
        warnings: dict[str, None] = {}  # each once, however often a report is made
        known = {"sent": selection.sent, "warn": warnings.setdefault}
        options |= {name: value for name, value in known.items() if name in told}

        def write(run: Run) -> None:
            # Known when all events are read, and so when the report's frame is made.
            ends = {"log_start": lambda: run.ledger.first, "log_end": lambda: run.ledger.last}
            options.update((name, end) for name, end in ends.items() if name in told)
            if "is_table" in told:
                options["is_table"] = run.output == "table"
            find = partial(self.report.function, **options)
            behaviour = str(selection.limits) if selection.machines != "include" else ""
            notes = [f"times in {zone.key}", self.report.caption(**options), behaviour]
            if wanted:
                report, events = self.report, run.events()
                result, note = side_by_side(report, find, events, wanted, every=every, zone=zone)
                notes.append(note)
            else:
                result = self.report.result(find(run.events()).collect(engine="streaming"))
            run.finish()
            by = [name for name in options.get("by", ()) if name in pseudonyms.COLUMNS and name != "message"]
            texts = [column.name for column in result.columns if column.kind == "text"]
            ids = [name for name in texts if name in (*by, *pseudonyms.OF_WHOM)]
            if ids and not is_revealed:
                shown = pseudonyms.hidden(result.frame.lazy().select(ids), run.key()).collect()
                result = replace(result, frame=result.frame.with_columns(shown.select(ids)))
            result = replace(result, notes=[note for note in notes if note], csv_safe=common["csv_safe"])
            outputs.deliver([result], run.output, common["output"])
            for sentence in () if common["quiet"] else warnings:
                say(f"Warning: {sentence}")

        return performed(logs, common, selection, write)


@dataclass
class Run:
    """One run over logs: the events that count, and what is to be said when all of them are read."""

    logs: Logs
    selection: Selection
    common: dict[str, Any]
    output: str  # the name of the output
    found: Sequence[source.Log]
    ledger: Ledger
    rejects: Rejects | None
    limit: Limit | None

    def events(self) -> pl.LazyFrame:
        return kept(self.logs, self.selection, self.ledger, self.rejects)

    def key(self) -> bytes:
        """The project's key, made if there is none."""
        return _key(self.common)

    def finish(self) -> None:
        """Keep the bad lines. Raises PixelstatError where there are too many of them."""
        if self.rejects and self.common["rejects"]:
            self.rejects.write(self.common["rejects"], self.found)
            if not self.common["quiet"]:
                say(f"{count(self.rejects.total, 'bad line', 'bad lines')} in {self.common['rejects']}")
        check_limit(self.limit, self.rejects.total if self.rejects else 0, self.ledger.lines)


def performed(logs: Sequence[str], common: dict[str, Any], selection: Selection, write: Callable[[Run], None]) -> Exit:
    """Find the logs, let `write` read them and write what it finds, and say what it stands on."""
    tell = (lambda _: None) if common["quiet"] else say
    zone: ZoneInfo = common["tz"]
    logs = logs or common["config"].logs
    if common["explain"] is not None:
        click.echo(explain(common["explain"], logs, candidates(common), selection, common["log_tz"].key))
        return Exit.DONE
    output = outputs.chosen(common["format"], common["output"])
    found = paths.find_logs(logs or [source.STDIN])
    spare(found, common)
    grouped = by_format(found, common, tell)
    selection = beside_pseudonyms(selection, grouped, common)
    for one, other in paths.repeated(found):
        twice = "counted twice" if common["keep_duplicates"] else "a duplicate"
        tell(f"Warning: {one} and {other} begin alike. If they are one log, all in it is {twice}.")
    limit = Limit() if common["strict"] else common["max_errors"]
    rejects = Rejects(kept=bool(common["rejects"])) if limit or common["rejects"] else None
    with _progress(sum(log.size for log in found), quiet=common["quiet"]) as ledger, _readable_failures():
        write(Run(grouped, selection, common, output, found, ledger, rejects, limit))
    tell(ledger.line())
    for more in filter(None, _further_lines(ledger, selection)):
        tell(more)
    if ledger.first and ledger.last:
        if selection.machines != "include" and (old := networks.age_warning(ledger.last)):
            tell(old)
        tell(f"from {_clock(ledger.first, zone)} to {_clock(ledger.last, zone)}, times in {zone.key}")
    elif ledger.lines and not ledger.pixel_requests:
        tell(requested_instead(grouped))
    return say_damage(found, tell)


def spare(found: Sequence[source.Log], common: dict[str, Any]) -> None:
    """Keep what is written from overwriting what is read, or each other; and streams, for their bad lines, whole."""
    output, rejects = common["output"], common["rejects"]
    for written in filter(None, (output, rejects)):
        if any(_is_same(log.name, written) for log in found):
            raise PixelstatError(f"{written!r} is one of the logs.", "Name another file to write to.")
    if rejects and output and Path(rejects).resolve() == Path(output).resolve():
        raise PixelstatError(f"--output and --rejects are both {output!r}.", "Name two files.")
    if rejects:
        for log in found:
            log.keep_if_stream()


def say_damage(found: Sequence[source.Log], tell: Callable[[str], None]) -> Exit:
    """Warn of the logs that could not be read to their end; the exit code for it."""
    damaged = [log for log in found if log.damage]
    for log in damaged:
        tell(f"Warning: {log.title()}: {log.damage}. The whole lines before that are counted, the rest is missing.")
    return Exit.PARTIAL if damaged else Exit.DONE


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Ledger]:
    ledger = Ledger()
    with progress(total, lambda: sum(ledger.reading.positions.values()), shown=not quiet):
        yield ledger


@contextmanager
def _readable_failures() -> Iterator[None]:
    """What a condition can still do wrong when it meets the data, as a sentence."""
    try:
        yield
    except PixelstatError as error:  # from within Polars, which adds where in its plan that was
        sentence, _, _ = error.sentence.partition("\n\nThis error occurred in")
        raise PixelstatError(sentence, error.hint, error.code) from error
    except (pl.exceptions.InvalidOperationError, pl.exceptions.SchemaError, pl.exceptions.ComputeError) as error:
        raise PixelstatError(
            f"A condition does not fit the data: {str(error).partition(chr(10))[0]}.", "See its columns with --explain."
        ) from error


def selected(
    common: dict[str, Any],
    zone: ZoneInfo,
    columns: Sequence[str] = (),
    *,
    of_visits: bool = False,
    names_source: bool = True,
) -> Selection:
    """The common options as a Selection, with visits where `of_visits`, these columns or the condition ask for them.

    Raises PixelstatError for times and SQL that cannot be read.
    """
    for name in ("where", "host", "log_format", "nginx_conf", "rejects", "key"):
        if common[name] is not None and not common[name].strip():
            raise PixelstatError(
                f"--{name.replace('_', '-')} is given but empty.", "Leave it out, or say what you want."
            )
    now = datetime.now(timezone.utc)
    period = {}
    for name in ("since", "until"):
        text = common[name]
        try:
            period[name] = None if text is None else moment(text, zone, now, is_end=name == "until")
        except (ValueError, OverflowError) as error:
            raise PixelstatError(
                f"--{name}: {text!r} is no time.", "Try 2026-09-07, '2026-09-07 14:30', 7d or yesterday."
            ) from error
    if period["since"] and period["until"] and period["since"] >= period["until"]:
        raise PixelstatError(
            "--since is not before --until, so no event can lie between.", "Swap them, or leave one out."
        )
    where = condition(common["where"], "condition", common["config"].further) if common["where"] else None
    if where is not None:
        require_geo(where.meta.root_names(), common)
    if common["cookieless"] and (common["stitch"] or common["visitor"] != "auto"):
        other = "--stitch" if common["stitch"] else "--visitor"
        raise PixelstatError(f"--cookieless looks at no id, and {other} at nothing else.", "Leave one of them out.")
    midnight = zone if common["split_midnight"] else None
    cut = visits.Cut(common["visit_timeout"], midnight, common["split_campaign"], names_source)
    of_visits |= visits.are_asked([*columns, *(where.meta.root_names() if where is not None else ())], cut)
    return Selection(
        pixels=common["pixel"],
        named=common["protocol"],
        bots=common["bots"],
        consent=common["consent"],
        networks=common["exclude_ip"],
        host=common["host"],
        where=where,
        keep_duplicates=common["keep_duplicates"],
        config=common["config"],
        stitch=common["stitch"],
        geo=[places.Database(name) for name in common["geo"]],
        visitor=common["visitor"],
        cookieless=common["cookieless"],
        key=_key(common) if common["cookieless"] else b"",
        since=period["since"],
        until=period["until"],
        machines=common["machines"],
        limits=Limits(**{limit.name: common[limit.name] for limit in fields(Limits)}),
        scanners=[one for file in (*common["config"].networks, *common["networks"]) for one in networks.read(file)],
        sent=sending.read(common["sent"], zone) if common["sent"] else None,
        page_groups=common["group_pages"],
        visits=cut if of_visits else None,
    )


def _ahead(selection: Selection, length: timedelta) -> Selection:
    """The selection with what comes so soon after the period, too."""
    return replace(selection, until=selection.until + length) if selection.until else selection


def require_geo(columns: Iterable[str], common: dict[str, Any]) -> None:
    """Raises PixelstatError where one of the columns is null without --geo, and that is not given."""
    unknown = next((name for name in columns if name in places.FIELDS), None)
    if unknown and not common["geo"]:
        raise PixelstatError(
            f"{unknown} is known only with --geo FILE, a MaxMind database.", "Add: --geo GeoLite2-City.mmdb"
        )


def beside_pseudonyms(selection: Selection, logs: Logs, common: dict[str, Any]) -> Selection:
    """The selection for these logs: what stands beside Parquet of pseudonyms is read as pseudonyms, too.

    Raises PixelstatError for what can only be told from what they hide, and without the key that they were made with.
    """
    hidden = {log.title(): stored.are_pseudonyms(log) for log in logs.stored}
    if True not in hidden.values():
        return selection
    asked = [common["exclude_ip"] and "--exclude-ip", selection.visitor not in KINDS and "--visitor"]
    for option in filter(None, asked):
        raise PixelstatError(
            f"{next(filter(hidden.get, hidden))} holds pseudonyms, of which {option} can tell nothing.",
            f"Give {option} where the events are written, or write them with --reveal-ids.",
        )
    if not any(group for _, group in logs.groups) and False not in hidden.values():
        return selection
    return replace(selection, is_hidden=True, key=keys.read(keys.place(common["key"], common["config"])))


def _key(common: dict[str, Any]) -> bytes:
    return keys.read_or_made(keys.place(common["key"], common["config"]), (lambda _: None) if common["quiet"] else say)


def _further_lines(ledger: Ledger, selection: Selection) -> Iterator[str]:
    """What else is to be said of the figures, where there is something."""
    yield ledger.stitched_line()
    yield ledger.nameless_line()
    if selection.cookieless:
        yield "--cookieless: a visitor of two days (in UTC) counts as two"
    yield ledger.flaws_line()
    yield ledger.formats_line()


def report_options(report: Report, given: dict[str, Any], common: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """The report's own options as its function takes them."""
    config: Config = common["config"]
    if "steps" in given:
        if given["steps"] == ["", ""]:
            raise PixelstatError("--steps names no step.", "Try: --steps page_view,add_to_cart,purchase")
        texts = [*given["steps"], *given.pop("step")]
        if (name := given.pop("funnel")) is not None:
            funnel = _funnel(name, config, texts)
            texts = [*funnel.steps]
            given["window"] = funnel.window if funnel.window and not _is_given("window") else given["window"]
        given["steps"] = [_step(text, common) for text in texts]
    if "goal" in given:
        given["goal"] = _goals(given["goal"] or list(config.goals), common)
    for name in given.get("by", ()):
        check_by(name, report, config.further)
    if given.get("hold"):
        check_by(given["hold"], report, config.further, "--hold")
    given = report.prepared(given, lambda text: _step(text, common))
    wanted = inspect.signature(report.function).parameters
    if "tz" in wanted:
        given["tz"] = zone.key
    if "goals" in wanted:
        given["goals"] = {name: _step(name, common).hit for name in config.goals}
    return given


def check_by(name: str, report: Report, further: Sequence[str], option: str = "--by") -> None:
    """Raise PixelstatError where the report cannot be asked for by this column."""
    columns = [column for column in (*CONDITION_COLUMNS, *further) if column not in ("time", "products")]
    if name in report.groups:
        return
    if name in columns:
        taken = (one for one in report.columns if one.name == name)
        if any(one.kind in NUMBERS or one.key or name in further for one in taken):
            raise PixelstatError(f"{option} {name} is a figure of this report.", f"Try: {option} campaign")
        return
    if name == "time":
        raise PixelstatError(f"{option} time would be a row a second.", f"Try: pixelstat {report.name} --every day")
    near = ["product"] if name == "products" else get_close_matches(name, [*columns, *report.groups], 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise PixelstatError(f"{option} {name!r} names no column of the events.{meant}", columns_hint(further))


def _funnel(name: str, config: Config, texts: Sequence[str]) -> Funnel:
    if texts:
        raise PixelstatError("--funnel and --steps both name the steps.", "Leave one of them out.")
    if name not in config.funnels:
        near = get_close_matches(name, config.funnels, 1)
        there = f"It has {', '.join(config.funnels)}." if config.funnels else "It has none."
        meant = f"Did you mean {near[0]}?" if near else there
        nowhere = "There is no pixelstat.toml here or above."
        raise PixelstatError(
            f"There is no funnel {name!r}. {f'{config.path}: {meant}' if config.path else nowhere}",
            'Add to pixelstat.toml:\n    [funnels]\n    checkout = ["/cart", "checkout", "purchase"]',
        )
    return config.funnels[name]


def _goals(texts: Sequence[str], common: dict[str, Any]) -> list[Step]:
    goals = [_step(text, common) for text in texts]
    names = [goal.name for goal in goals]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PixelstatError(f"Two goals are called {twice!r}.", 'Put a name in front: --goal "big: value > 50"')
    return goals


def _step(text: str, common: dict[str, Any]) -> Step:
    """The step that a text means: a goal's name stands for the goal, a page group's before an event of that name."""
    config, groups = common["config"], common["group_pages"]
    meaning = config.goals.get(text, text)
    if groups and meaning in groups.names and fold_event(meaning) in SPELLINGS and not common["quiet"]:
        say(f"{meaning!r} means its page group. The event is: --step \"event = '{fold_event(meaning)}'\"")
    found = step(meaning, config.further, groups)
    return replace(found, name=text) if text in config.goals else found


def _is_given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def _is_same(log: str, output: str) -> bool:
    """Whether writing the output would overwrite the log."""
    return log != source.STDIN and Path(output).is_file() and Path(log).samefile(output)


def _clock(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")

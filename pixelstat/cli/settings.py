"""What the command line asks for: which events, and what a report is told."""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

import click

from pixelstat import sessions
from pixelstat.conditions import Step, columns_hint, parse_condition, parse_step
from pixelstat.config import Config, Funnel
from pixelstat.enrich import geo, mailings
from pixelstat.errors import PixelstatError
from pixelstat.identity.project_key import key_path, load_key, load_or_create
from pixelstat.identity.visitors import KINDS
from pixelstat.pipeline import Logs, Selection
from pixelstat.reports._report import Report
from pixelstat.result import NUMBERS
from pixelstat.schemas import CONDITION_COLUMNS
from pixelstat.sources.event_parquet import holds_pseudonyms
from pixelstat.terminal import say
from pixelstat.text.durations import parse_moment
from pixelstat.traffic.behaviour import Limits
from pixelstat.traffic.networks import read_networks
from pixelstat.vocabulary import EVENT_SYNONYMS, canonical_event


def report_settings(report: Report, given: dict[str, Any], common: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """The report's own options as its function takes them."""
    config: Config = common["config"]
    if "steps" in given:
        if given["steps"] == ["", ""]:
            raise PixelstatError("--steps names no step.", "Try: --steps page_view,add_to_cart,purchase")
        texts = [*given["steps"], *given.pop("step")]
        if (name := given.pop("funnel")) is not None:
            funnel = _find_funnel(name, config, texts)
            texts = [*funnel.steps]
            given["window"] = funnel.window if funnel.window and not is_given("window") else given["window"]
        given["steps"] = [_parse_step(text, common) for text in texts]
    if "goal" in given:
        given["goal"] = _parse_goals(given["goal"] or list(config.goals), common)
    for name in given.get("by", ()):
        validate_breakdown(name, report, config.further)
    if given.get("hold"):
        validate_breakdown(given["hold"], report, config.further, "--hold")
    given = report.prepared(given, lambda text: _parse_step(text, common))
    wanted = inspect.signature(report.function).parameters
    if "tz" in wanted:
        given["tz"] = zone.key
    if "goals" in wanted:
        given["goals"] = {name: _parse_step(name, common).hit for name in config.goals}
    return given


def validate_breakdown(name: str, report: Report, further: Sequence[str], option: str = "--by") -> None:
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


def _find_funnel(name: str, config: Config, texts: Sequence[str]) -> Funnel:
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


def _parse_goals(texts: Sequence[str], common: dict[str, Any]) -> list[Step]:
    goals = [_parse_step(text, common) for text in texts]
    names = [goal.name for goal in goals]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PixelstatError(f"Two goals are called {twice!r}.", 'Put a name in front: --goal "big: value > 50"')
    return goals


def _parse_step(text: str, common: dict[str, Any]) -> Step:
    """The step that a text means: a goal's name stands for the goal, a page group's before an event of that name."""
    config, groups = common["config"], common["group_pages"]
    meaning = config.goals.get(text, text)
    if groups and meaning in groups.names and canonical_event(meaning) in EVENT_SYNONYMS and not common["quiet"]:
        say(f"{meaning!r} means its page group. The event is: --step \"event = '{canonical_event(meaning)}'\"")
    found = parse_step(meaning, config.further, groups)
    return replace(found, name=text) if text in config.goals else found


def is_given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def event_query(
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
            period[name] = None if text is None else parse_moment(text, zone, now, is_end=name == "until")
        except (ValueError, OverflowError) as error:
            raise PixelstatError(
                f"--{name}: {text!r} is no time.", "Try 2026-09-07, '2026-09-07 14:30', 7d or yesterday."
            ) from error
    if period["since"] and period["until"] and period["since"] >= period["until"]:
        raise PixelstatError(
            "--since is not before --until, so no event can lie between.", "Swap them, or leave one out."
        )
    where = parse_condition(common["where"], "condition", common["config"].further) if common["where"] else None
    if where is not None:
        require_geo(where.meta.root_names(), common)
    if common["cookieless"] and (common["stitch"] or common["visitor"] != "auto"):
        other = "--stitch" if common["stitch"] else "--visitor"
        raise PixelstatError(f"--cookieless looks at no id, and {other} at nothing else.", "Leave one of them out.")
    midnight = zone if common["split_midnight"] else None
    cut = sessions.Cut(common["visit_timeout"], midnight, common["split_campaign"], names_source)
    of_visits |= sessions.are_asked([*columns, *(where.meta.root_names() if where is not None else ())], cut)
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
        geo=[geo.Database(name) for name in common["geo"]],
        visitor=common["visitor"],
        cookieless=common["cookieless"],
        key=load_project_key(common) if common["cookieless"] else b"",
        since=period["since"],
        until=period["until"],
        machines=common["machines"],
        limits=Limits(**{limit.name: common[limit.name] for limit in fields(Limits)}),
        scanners=[one for file in (*common["config"].networks, *common["networks"]) for one in read_networks(file)],
        sent=mailings.read(common["sent"], zone) if common["sent"] else None,
        page_groups=common["group_pages"],
        visits=cut if of_visits else None,
    )


def extend_past_period(selection: Selection, length: timedelta) -> Selection:
    """The selection with what comes so soon after the period, too."""
    return replace(selection, until=selection.until + length) if selection.until else selection


def require_geo(columns: Iterable[str], common: dict[str, Any]) -> None:
    """Raises PixelstatError where one of the columns is null without --geo, and that is not given."""
    unknown = next((name for name in columns if name in geo.FIELDS), None)
    if unknown and not common["geo"]:
        raise PixelstatError(
            f"{unknown} is known only with --geo FILE, a MaxMind database.", "Add: --geo GeoLite2-City.mmdb"
        )


def match_pseudonymised_input(selection: Selection, logs: Logs, common: dict[str, Any]) -> Selection:
    """The selection for these logs: what stands beside Parquet of pseudonyms is read as pseudonyms, too.

    Raises PixelstatError for what can only be told from what they hide, and without the key that they were made with.
    """
    hidden = {log.title(): holds_pseudonyms(log) for log in logs.stored}
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
    return replace(selection, is_hidden=True, key=load_key(key_path(common["key"], common["config"])))


def load_project_key(common: dict[str, Any]) -> bytes:
    return load_or_create(key_path(common["key"], common["config"]), (lambda _: None) if common["quiet"] else say)

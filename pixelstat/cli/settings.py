"""Turn the options of the command line and pixelstat.toml into the settings of the stages and of a report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from pixelstat.cli.defaults import find_config, is_given_for_run
from pixelstat.cli.output_files import expand_date, require_valid_name
from pixelstat.conditions import Step, columns_hint, parse_condition, parse_step, split_steps
from pixelstat.config import Config, FunnelConfig
from pixelstat.enrich import mailings
from pixelstat.enrich.currencies import build_currency_rules
from pixelstat.enrich.geo import FIELDS, Database
from pixelstat.enrich.page_groups import PageGroups, page_groups_from_option
from pixelstat.errors import PixelstatError, suggest
from pixelstat.formats.assignment import LogSet, ReadingRules, candidate_formats
from pixelstat.identity.project_key import key_path, load_key, load_or_create
from pixelstat.identity.pseudonyms import PSEUDONYMISED_COLUMNS
from pixelstat.identity.visitors import KEY_KINDS, VisitorRules
from pixelstat.options.values import ReportOptions
from pixelstat.pipeline_settings import Enrichment, PipelineSettings
from pixelstat.protocols.interpret import ProtocolRules, protocol_rules
from pixelstat.reports._report import Report
from pixelstat.result import NUMBER_KINDS
from pixelstat.schemas import CONDITION_COLUMNS
from pixelstat.sessions.sessionize import SessionRules, needs_sessions
from pixelstat.sessions.touches import AttributionRules
from pixelstat.sources.bad_lines import BadLineLimit
from pixelstat.sources.blocks import MAX_LINE
from pixelstat.sources.event_parquet import holds_pseudonyms
from pixelstat.terminal import say
from pixelstat.text.addresses import Network
from pixelstat.text.durations import parse_moment, shift_moment
from pixelstat.traffic.behaviour import BehaviourLimits
from pixelstat.traffic.networks import read_networks
from pixelstat.traffic.rejection import EventFilters, TrafficRules
from pixelstat.vocabulary import EVENT_SYNONYMS, canonical_event

UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class CommonOptions:
    """The options that commands share, as Click parsed them. A command without one of them has its default."""

    # period and filters
    since: str | None = None
    until: str | None = None
    tz: ZoneInfo = UTC
    where: str | None = None
    host: str | None = None
    group_pages: str | None = None
    exclude_ip: Sequence[Network] = ()
    keep_duplicates: bool = False
    geo: Sequence[str] = ()
    # who is a visitor
    visitor: str = "auto"
    cookieless: bool = False
    stitch: bool = False
    key: str | None = None
    # bots, machines and consent
    bots: str = "exclude"
    consent: str = "respect"
    machines: str = "include"
    machine_networks: Sequence[str] = ()
    sent: str | None = None
    burst_links: int = 3
    burst_time: timedelta = timedelta(seconds=10)
    address_recipients: int = 10
    address_time: timedelta = timedelta(minutes=10)
    recipient_addresses: int = 3
    recipient_time: timedelta = timedelta(seconds=30)
    after_send: timedelta = timedelta(seconds=2)
    page_rate: int = 60
    # visits
    visit_timeout: timedelta = timedelta(minutes=30)
    split_midnight: bool = False
    split_campaign: bool = False
    # money
    currency: str | None = None
    rates: str | None = None
    # reading logs
    pixel: Sequence[str] = ()
    config: str | None = None
    protocol: Sequence[str] = ()
    log_format: str | None = None
    nginx_conf: str | None = None
    log_tz: ZoneInfo = UTC
    trusted_proxy: Sequence[Network] = ()
    client_header: str | None = None
    max_line: int = MAX_LINE
    explain: str | None = None
    # unreadable lines
    rejects: str | None = None
    max_errors: BadLineLimit | None = None
    strict: bool = False
    # output
    format: str | None = None
    output: str | None = None
    csv_safe: bool = True
    mkdir: bool = False
    columns: Sequence[str] = ()
    sort: Sequence[str] = ()
    fail_if: Sequence[str] = ()
    fail_if_empty: bool = False
    quiet: bool = False
    debug: bool = False
    # read from files
    project: Config = field(default_factory=Config)
    page_groups: PageGroups | None = None

    def say(self, sentence: str) -> None:
        """Print a message on stderr, unless --quiet."""
        if not self.quiet:
            say(sentence)

    @property
    def bad_line_limit(self) -> BadLineLimit | None:
        """How many bad lines are too many; None for any number."""
        return BadLineLimit() if self.strict else self.max_errors


def read_common_options(values: Mapping[str, Any]) -> CommonOptions:
    """Return the common options among these values, with pixelstat.toml and the page groups that they name.

    Raises PixelstatError for files that cannot be read.
    """
    names = CommonOptions.__dataclass_fields__
    options = {name: value for name, value in values.items() if name in names}
    config = find_config(options.get("config"))
    group_pages = options.get("group_pages")
    groups = None if group_pages is None else page_groups_from_option(group_pages, config.page_groups, config.path)
    if options.get("output"):
        options["output"] = expand_date(options["output"], datetime.now(options.get("tz", UTC)))
    for path in filter(None, (options.get("output"), options.get("rejects"))):
        require_valid_name(path)
    return CommonOptions(**options, project=config, page_groups=groups)


def build_reading_rules(common: CommonOptions) -> ReadingRules:
    """Return how lines are read. Raises PixelstatError for a log format that cannot be read."""
    candidates = candidate_formats(common.log_format, common.nginx_conf)
    if common.client_header:
        from pixelstat.formats.client_header import read_client_header

        candidates = tuple(read_client_header(candidate, common.client_header) for candidate in candidates)
    return ReadingRules(
        candidates, common.log_tz.key, common.max_line, common.trusted_proxy, client_header=common.client_header
    )


def build_protocol_rules(common: CommonOptions) -> ProtocolRules:
    """Return which protocols a request is offered to. Raises PixelstatError for one that does not exist."""
    first = [*common.protocol, *common.project.protocols]
    return protocol_rules(common.pixel, first, common.project.pixels, common.project.custom_columns)


def build_pipeline_settings(
    common: CommonOptions,
    columns: Sequence[str] = (),
    *,
    needs_visits: bool = False,
    is_export: bool = False,
    attribution: AttributionRules | None = None,
) -> PipelineSettings:
    """Return the settings of the pipeline for a command. `columns` are the event columns that it uses, without --where.

    Sessions are part of it where `needs_visits`, one of these columns or --where needs them. `is_export` writes the
    events themselves. Raises PixelstatError for options that cannot be read or that contradict each other.
    """
    for name in ("where", "host", "log_format", "nginx_conf", "rejects", "key"):
        text = getattr(common, name)
        if text is not None and not text.strip():
            raise PixelstatError(f"--{name.replace('_', '-')} is empty.", "Remove it, or give it a value.")
    since, until = _parse_period(common)
    custom = [*common.project.custom_columns]
    where = parse_condition(common.where, "condition", custom) if common.where else None
    where_columns = where.meta.root_names() if where is not None else []
    require_geo(where_columns, common)
    if common.cookieless and (common.stitch or common.visitor != "auto"):
        other = "--stitch" if common.stitch else "--visitor"
        raise PixelstatError(f"--cookieless ignores ids, but {other} needs them.", "Leave one of them out.")
    sessions = SessionRules(
        common.visit_timeout,
        common.tz if common.split_midnight else None,
        common.split_campaign,
        restores_sources=is_export,
        attribution=attribution,
    )
    return PipelineSettings(
        protocols=build_protocol_rules(common),
        enrichment=Enrichment(
            own_hosts=common.project.own_hosts,
            ignored_hosts=common.project.ignored_hosts,
            databases=[Database(name) for name in common.geo],
            custom_consent=common.project.consent,
            mailings=mailings.read_mailings(common.sent, common.tz) if common.sent else None,
        ),
        visitors=VisitorRules(
            common.visitor,
            is_daily=common.cookieless,
            secret=load_project_key(common) if common.cookieless else b"",
        ),
        traffic=TrafficRules(
            bots=common.bots,
            keeps_email_bots=is_export,
            excluded_networks=common.exclude_ip,
            consent=common.consent,
            machines=common.machines,
            behaviour=_behaviour_limits(common) if common.machines != "include" else None,
            scanner_networks=[
                network
                for file in (*common.project.machine_networks, *common.machine_networks)
                for network in read_networks(file)
            ],
        ),
        stitch=common.stitch,
        keeps_copies=common.keep_duplicates,
        reads_logs_twice=is_export,
        page_groups=common.page_groups,
        sessions=sessions if needs_visits or attribution or needs_sessions([*columns, *where_columns]) else None,
        filters=EventFilters(common.host, since, until, where),
        currencies=build_currency_rules(common.currency, common.rates, common.project.rates, common.tz.key),
    )


def _parse_period(common: CommonOptions) -> tuple[datetime | None, datetime | None]:
    """Return --since and --until as instants, the end exclusive."""
    now = datetime.now(timezone.utc)
    since, until = (
        _parse_moment(name, text, common.tz, now) for name, text in (("since", common.since), ("until", common.until))
    )
    if since and until and since >= until:
        raise PixelstatError("--since must be before --until.", "Swap them, or remove one of them.")
    return since, until


def _parse_moment(option: str, text: str | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    try:
        return None if text is None else parse_moment(text, zone, now, is_end=option == "until")
    except (ValueError, OverflowError) as error:
        raise PixelstatError(
            f"--{option}: {text!r} is not a time.", "Try 2026-09-07, '2026-09-07 14:30', 7d or yesterday."
        ) from error


def _behaviour_limits(common: CommonOptions) -> BehaviourLimits:
    return BehaviourLimits(**{limit.name: getattr(common, limit.name) for limit in fields(BehaviourLimits)})


def extend_period(settings: PipelineSettings, before: timedelta, after: timedelta) -> PipelineSettings:
    """Return the settings with the events of these lengths before and after their period."""
    since, until = settings.filters.since, settings.filters.until
    since, until = since and shift_moment(since, -before), until and shift_moment(until, after)
    return replace(settings, filters=replace(settings.filters, since=since, until=until))


def require_geo(columns: Iterable[str], common: CommonOptions) -> None:
    """Raise PixelstatError where one of the columns is null without --geo, and that is missing."""
    unknown = next((name for name in columns if name in FIELDS), None)
    if unknown and not common.geo:
        raise PixelstatError(f"{unknown} needs --geo FILE, a MaxMind database.", "Add: --geo GeoLite2-City.mmdb")


def match_pseudonymised_input(settings: PipelineSettings, logs: LogSet, common: CommonOptions) -> PipelineSettings:
    """Return the settings for these logs: beside pseudonymised Parquet everything is pseudonymised.

    Raises PixelstatError for options that pseudonyms cannot answer, and where the key that made them is missing.
    """
    is_pseudonymised = [holds_pseudonyms(file) for file in logs.event_files]  # None for a file without events
    if True not in is_pseudonymised:
        return settings
    needs_names = [common.exclude_ip and "--exclude-ip", common.visitor not in KEY_KINDS and "--visitor"]
    file = logs.event_files[is_pseudonymised.index(True)]
    for option in filter(None, needs_names):
        raise PixelstatError(
            f"{file.title()} contains pseudonyms, which {option} cannot match.",
            f"Use {option} when you write the events, or write them with --reveal-ids.",
        )
    if not logs.has_text and False not in is_pseudonymised:
        return settings
    return replace(settings, pseudonym_key=load_key(key_path(common.key, common.project.path)))


def load_project_key(common: CommonOptions) -> bytes:
    """Return the project's key; create it where there is none, and say so."""
    return load_or_create(key_path(common.key, common.project.path), common.say)


def build_report_options(report: Report, options: dict[str, Any], common: CommonOptions) -> ReportOptions:
    """Return the report's own options: steps and goals are parsed, columns of breakdowns are checked.

    Raises PixelstatError for options that cannot be read or that contradict each other.
    """
    config = common.project
    if "steps" in options:
        texts = [] if options["steps"] is None else split_steps(options["steps"])
        if options["steps"] is not None and not texts:
            raise PixelstatError("--steps needs at least one step.", "Try: --steps page_view,add_to_cart,purchase")
        texts += options.pop("step")
        if (name := options.pop("funnel")) is not None:
            funnel = _find_funnel(name, config, texts)
            texts = [*funnel.steps]
            has_own_window = funnel.window and not is_given_for_run("window")
            options["window"] = funnel.window if has_own_window else options["window"]
        options["steps"] = [_parse_step(text, common) for text in texts]
    if "goal" in options:
        options["goal"] = _parse_goals(options["goal"] or list(config.goals), common)
    if "by" in options:
        options["by"] = tuple(dict.fromkeys(options["by"]))  # a column that is repeated groups once
    for name in options.get("by", ()):
        validate_breakdown(name, report, [*config.custom_columns])
    if options.get("held_column"):
        validate_breakdown(options["held_column"], report, [*config.custom_columns], "--hold")
    if options.get("variant_column"):
        _check_variant_column(options["variant_column"], report, [*config.custom_columns])
    if report.build_options:
        return report.build_options(lambda text: _parse_step(text, common), **options)
    return report.options_type(**options)


def validate_breakdown(name: str, report: Report, custom_columns: Sequence[str], option: str = "--by") -> None:
    """Raise PixelstatError where the report cannot be broken down by this column."""
    if name in report.groups:
        return
    require_event_column(name, report, custom_columns, option)
    same_name = (column for column in report.columns if column.name == name)
    if any(column.kind in NUMBER_KINDS or column.key or name in custom_columns for column in same_name):
        raise PixelstatError(f"{option} {name} is a figure of this report.", f"Try: {option} campaign")


def require_event_column(name: str, report: Report, custom_columns: Sequence[str], option: str) -> None:
    """Raise PixelstatError where this is not a column of the events whose values can be told apart."""
    columns = [column for column in (*CONDITION_COLUMNS, *custom_columns) if column not in ("time", "products")]
    if name in columns:
        return
    if name == "time":
        series = f"Try: pixelstat {report.name} --every day" if option == "--by" else columns_hint(custom_columns)
        raise PixelstatError(f"{option} time would give one row per second.", series)
    advice = " Did you mean product?" if name == "products" else suggest(name, [*columns, *report.groups], most=3)
    raise PixelstatError(f"{option} {name!r} is not a column of the events.{advice}", columns_hint(custom_columns))


def _check_variant_column(name: str, report: Report, custom_columns: Sequence[str]) -> None:
    """Raise PixelstatError where the column cannot name the variants of an experiment."""
    require_event_column(name, report, custom_columns, "--variant")
    if name in PSEUDONYMISED_COLUMNS and name != "message":
        raise PixelstatError(f"--variant {name} contains personal data, not variants.", "Try: --variant utm_content")


def _find_funnel(name: str, config: Config, texts: Sequence[str]) -> FunnelConfig:
    if texts:
        raise PixelstatError("--funnel and --steps both define the steps.", "Leave one of them out.")
    if name not in config.funnels:
        existing = f" It defines {', '.join(config.funnels)}." if config.funnels else " It defines no funnels."
        advice = suggest(name, config.funnels) or existing
        nowhere = "There is no pixelstat.toml in this folder or above."
        raise PixelstatError(
            f"There is no funnel {name!r}. {f'{config.path}:{advice}' if config.path else nowhere}",
            'Add to pixelstat.toml:\n    [funnels]\n    checkout = ["/cart", "checkout", "purchase"]',
        )
    return config.funnels[name]


def _parse_goals(texts: Sequence[str], common: CommonOptions) -> list[Step]:
    goals = [_parse_step(text, common) for text in texts]
    names = [goal.name for goal in goals]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise PixelstatError(
            f"Two goals have the name {repeated!r}.", 'Give one another name: --goal "big: value > 50"'
        )
    return goals


def _parse_step(text: str, common: CommonOptions) -> Step:
    """Return the step that a text means: the name of a goal means that goal, a page group comes before an event."""
    config, groups = common.project, common.page_groups
    meaning = config.goals.get(text, text)
    if groups and meaning in groups.names and canonical_event(meaning) in EVENT_SYNONYMS:
        event = canonical_event(meaning)
        common.say(f"{meaning!r} means the page group of that name. For the event: --step \"event = '{event}'\"")
    step = parse_step(meaning, [*config.custom_columns], groups)
    return replace(step, name=text, value=config.goal_values.get(text)) if text in config.goals else step

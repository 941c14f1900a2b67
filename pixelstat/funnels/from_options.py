"""Turn the options of the funnel report into rules, list the event columns they use, and describe them."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from pixelstat.conditions import Step, parse_step, split_steps
from pixelstat.errors import PixelstatError, suggest
from pixelstat.funnels import rules as funnel_rules
from pixelstat.funnels.rules import NO_GRACE, Exclusion, FunnelRules
from pixelstat.options.shared import top_groups_option
from pixelstat.options.types import ActorList
from pixelstat.options.values import AttributedOptions
from pixelstat.sessions.touches import TOUCH_COLUMNS
from pixelstat.text.durations import format_duration
from pixelstat.vocabulary import SHOP_FUNNEL

# What a strict order ignores between two steps: it happens in the background, or in a mailbox.
BACKGROUND_EVENTS = ("ping", "open", "click_email", "web_view", "unsubscribe")

ParseStep = Callable[[str], Step]

CONFLICTS = {  # an option: those that it does not go together with
    "--open": [
        "--histogram",
        "--list",
        "--every",
        "--optional",
        "--order unordered",
        "--count",
        "--exclude-mode drop",
        "--touch all or step",
    ],
    "--histogram": ["--list", "--every", "--by"],
    "--list": ["--every", "--by", "--count", "--unit visit"],
}


@dataclass(frozen=True, kw_only=True)
class FunnelOptions(AttributedOptions):
    """The settings of the funnel report, as its function takes them."""

    rules: FunnelRules  # steps, conversion window, order, exclusions
    has_default_steps: bool = False  # no steps were named: use those of the shop funnel that occur
    actor: str = "visitor"  # who goes through the funnel: visitor, visit, user
    held_column: str | None = None  # all hits of a chain have one value of this column
    touch: str | None = None  # the value that an actor belongs to: first, last, step:N, all; None: see FunnelBreakdown
    is_open: bool = False  # actors may enter at any step
    histogram: bool = False  # show how long complete chains take instead
    listed_step: int = 0  # list the actors who reached this step instead; 0: no list
    lists_dropped: bool = False  # with listed_step: list those who reached the step before it and not this one


def build_funnel_options(
    parse: ParseStep,
    *,
    steps: Sequence[Step],
    window: timedelta,
    step_window: timedelta | None,
    order: str,
    strict_over: str | None,
    is_open: bool,
    optional: Sequence[int],
    exclude: Sequence[str],
    exclude_mode: str | None,
    grace: timedelta | None,
    entry: str,
    count: str,
    actor: str,
    held_column: str | None,
    by: Sequence[str],
    touch: str | None,
    attribution: str,
    lookback: timedelta,
    top: int,
    every: str | None,
    histogram: bool,
    actor_list: ActorList | None,
) -> FunnelOptions:
    """Return the settings that the options mean; `parse` turns a text into a step.

    Raises PixelstatError for options that contradict each other.
    """
    _require_companion("--strict-over", strict_over is not None, "--order strict", order == "strict")
    _require_companion("--exclude-mode", exclude_mode is not None, "--exclude EVENT", bool(exclude))
    _require_companion("--touch", touch is not None, "--by COLUMN", bool(by))
    _require_companion("--top", top not in (0, top_groups_option.default), "--by COLUMN", bool(by))
    _require_named_steps(steps, optional, exclude, actor_list)
    rules = FunnelRules(
        steps=steps or [parse_step(event) for event in SHOP_FUNNEL],
        window=window,
        step_window=step_window,
        order=order,
        universe=_universe([parse(text) for text in split_steps(strict_over or "")]),
        entry=entry,
        count=count,
        exclusions=[_parse_exclusion(text, parse) for text in exclude],
        exclude_mode=exclude_mode or ("stop" if is_open else "drop"),
        optional=frozenset(optional),
        grace=grace or NO_GRACE,
    )
    _reject_conflicts(
        {
            "--open": is_open,
            "--histogram": histogram,
            "--list": actor_list is not None,
            "--every": every is not None,
            "--optional": bool(optional),
            "--order unordered": order == "unordered",
            "--count": count != "uniques",
            "--exclude-mode drop": exclude_mode == "drop",
            "--by": bool(by),
            "--unit visit": actor == "visit",
            "--touch all or step": touch not in (None, "first", "last"),
        }
    )
    _check_touch(touch or "", len(rules.steps))
    listed_step = _find_step_number(actor_list.step, rules.step_names) if actor_list else 0
    lists_dropped = actor_list is not None and actor_list.is_dropped
    if lists_dropped and listed_step == 1:
        raise PixelstatError("Nobody drops out before step 1.", "Try: --list dropped:2")
    return FunnelOptions(
        rules=rules,
        has_default_steps=not steps,
        actor=actor,
        held_column=held_column,
        by=by,
        touch=touch,
        attribution=attribution,
        lookback=lookback,
        top=top,
        every=every,
        is_open=is_open,
        histogram=histogram,
        listed_step=listed_step,
        lists_dropped=lists_dropped,
    )


def _require_companion(option: str, is_used: bool, companion: str, has_companion: bool) -> None:
    """Raise PixelstatError where an option is used without the one that it modifies."""
    if is_used and not has_companion:
        raise PixelstatError(f"{option} changes nothing without {companion}.", f"Add: {companion}")


def _require_named_steps(
    steps: Sequence[Step], optional: Sequence[int], exclude: Sequence[str], actor_list: ActorList | None
) -> None:
    """Raise PixelstatError where options refer to steps by number, but no steps are named."""
    if not steps and (optional or any(":" in text for text in exclude) or actor_list):
        raise PixelstatError("An option refers to a step, but no steps are named.", "Add: --steps a,b,c")


def _reject_conflicts(is_used: dict[str, bool]) -> None:
    """Raise PixelstatError for the first two options of CONFLICTS that are both used."""
    for option, conflicts in CONFLICTS.items():
        for conflict in conflicts:
            if is_used[option] and is_used[conflict]:
                raise PixelstatError(f"{option} and {conflict} cannot be combined.", "Leave one of them out.")


def list_conflicts() -> Iterator[tuple[str, str]]:
    """Yield each pair of options that cannot be combined, as in `--order strict` and `--optional`."""
    for option, conflicts in CONFLICTS.items():
        yield from ((option, conflict) for conflict in conflicts)
    for rule, rules in funnel_rules.CONFLICTS.items():
        yield from ((funnel_rules.OPTIONS[rule], funnel_rules.OPTIONS[conflict]) for conflict in rules)


def _check_touch(touch: str, number: int) -> None:
    """Raise PixelstatError where the attribution refers to a step that a funnel of `number` steps does not have."""
    if touch.startswith("step:") and int(touch.removeprefix("step:")) > number:
        raise PixelstatError(f"--touch {touch} is outside the funnel, which has {number} steps.", "Try: --touch step:1")


def _universe(steps: Sequence[Step]) -> pl.Expr:
    """Return which events may not lie between the steps of a strict order: these, else all but BACKGROUND_EVENTS."""
    if not steps:
        return ~pl.col("event").is_in(BACKGROUND_EVENTS).fill_null(value=False)
    return pl.any_horizontal(step.hit for step in steps)


def _parse_exclusion(text: str, parse: ParseStep) -> Exclusion:
    """Parse `login`, or `login:1-2` for one between two steps."""
    match = re.fullmatch(r"(.*):(\d{1,4})-(\d{1,4})", text.strip(), re.DOTALL)
    step = parse(match[1] if match else text)
    return Exclusion(step.name, step.hit, *((int(match[2]), int(match[3])) if match else ()))


def _find_step_number(text: str, names: Sequence[str]) -> int:
    """Return the number, from 1, of the step that the text names, by number or by name. Raises PixelstatError."""
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return int(text)
    if text in names:
        return names.index(text) + 1
    listed = ", ".join(f"{number} {name}" for number, name in enumerate(names, 1))
    raise PixelstatError(f"--list: {text!r} is not a step.{suggest(text, names)}", f"The steps are: {listed}.")


def list_event_columns(options: FunnelOptions) -> Iterable[str]:
    """Return the columns of the events that a funnel of these settings uses, beside those that every funnel uses."""
    rules = options.rules
    conditions = [*(step.hit for step in rules.steps), *(exclusion.hit for exclusion in rules.exclusions)]
    condition_columns = [name for condition in conditions for name in condition.meta.root_names()]
    visit_columns = ["visit_start", "visit_seconds"] if options.actor == "visit" or rules.count == "visits" else []
    held_columns = [options.held_column] if options.held_column else []
    return [*options.by, *held_columns, *visit_columns, *condition_columns]


def describe_funnel(options: FunnelOptions) -> str:
    """Describe the settings of a funnel for the caption of its report."""
    parts = [*_describe_rules(options.rules, options.actor, is_open=options.is_open)]
    parts += [f"by {options.actor}"] if options.actor != "visitor" else []
    parts += [f"the same {options.held_column} in all steps"] if options.held_column else []
    parts += [*_describe_breakdown(options)]
    return "; ".join(parts)


def _describe_rules(rules: FunnelRules, actor: str, *, is_open: bool) -> Iterable[str]:
    """Yield what a caption says of the rules."""
    yield f"window {format_duration(rules.window)} from the first step to the last"
    if rules.step_window is not None:
        yield f"{format_duration(rules.step_window)} between two steps"
    if rules.order != "ordered":
        yield {"strict": "no other event between two steps", "unordered": "steps in any order"}[rules.order]
    if is_open:
        yield "entry at any step"
    if rules.entry != "earliest":
        yield {"latest": "from the latest hit of step 1", "first": "from the first hit of step 1"}[rules.entry]
    if rules.count != "uniques":
        yield {"totals": "every entry counts", "visits": "one entry per visit"}[rules.count]
    if rules.exclusions:
        effects = {"drop": f"{actor}s with this event do not count", "stop": f"{actor}s stop at this event"}
        yield f"without {', '.join(exclusion.name for exclusion in rules.exclusions)}: {effects[rules.exclude_mode]}"
    if rules.optional:
        yield f"optional steps: {', '.join(map(str, sorted(rules.optional)))}"
    if rules.grace:
        yield f"hits within {format_duration(rules.grace)} in either order"


def _describe_breakdown(options: FunnelOptions) -> Iterable[str]:
    """Yield what a caption says of the columns of --by and their values."""
    attributed = [name for name in options.by if name in TOUCH_COLUMNS]
    touch, at_end = options.touch or "first", attributed if options.touch is None else []
    if columns := " and ".join(name for name in options.by if name not in at_end):
        texts = {
            "first": f"by the first {columns} of each {options.actor}",
            "last": f"by the last {columns} of each {options.actor}",
            "all": f"by {columns}, with all steps at one value",
        }
        yield texts.get(touch, f"by the {columns} at step {touch.removeprefix('step:')}")
    if at_end:
        yield f"by the {' and '.join(at_end)} of each {options.actor} at the last step reached"
    if attributed:
        yield options.describe_attribution(attributed)

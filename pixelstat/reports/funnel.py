"""funnel: how many visitors go each step of the way, and where they leave.

What a chain of hits is, and which of a visitor's counts, stands in `chains.rules`. A funnel of events, as most are,
goes by pointers through the stream of all hits; any other holds what its units did, once.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from pixelstat.chains import pointers
from pixelstat.chains.counted import by_step, who, with_shares
from pixelstat.chains.counted import histogram as of_lengths
from pixelstat.chains.held import HeldHits, in_order
from pixelstat.chains.opened import opened
from pixelstat.chains.rules import NOTHING, Exclusion, Rules
from pixelstat.chains.seen import Seen
from pixelstat.chains.units import OTHER, UNIT, Parting, of_units, once, steps_of, that_matter
from pixelstat.errors import PixelstatError
from pixelstat.options import FUNNEL, duration_text
from pixelstat.people.exclusions import is_outside
from pixelstat.report import Column, report
from pixelstat.reports.series import BUCKET, EVERY, bucket, over_time
from pixelstat.reports.steps import Step, split_steps, step
from pixelstat.vocabulary import SHOP_FUNNEL

UNITS = {"visitor": "visitors", "visit": "visits", "user": "users"}  # what there is a column of, by --unit
IDS = {"visitor": "visitor", "user": "user_id"}  # who is listed
MEASURES = (
    "from_first", "from_previous", "lost", "median_seconds", "pending", "from_first_low", "from_first_high",
    "from_previous_low", "from_previous_high", "mean_seconds", "p90_seconds",
    "total_median_seconds", "total_mean_seconds", "total_p90_seconds",
)  # fmt: skip
NEVER_BETWEEN = ("ping", "open", "click_email", "web_view", "unsubscribe")  # they do not come between two steps


# -- what was asked for -------------------------------------------------------------------------------------------


def prepared(given: dict[str, Any], meant: Callable[[str], Step]) -> dict[str, Any]:
    """The options as the report takes them. Raises PixelstatError for those that contradict each other."""
    steps, is_open = given.pop("steps"), given.pop("open")
    given["are_usual"] = not steps
    if not steps and (given["optional"] or any(":" in text for text in given["exclude"]) or given["visitors_at"]):
        raise PixelstatError("Steps are told by their numbers, so they must be named.", "Add: --steps a,b,c")
    universe = given.pop("strict_over")
    alone = {
        "--strict-over needs --order strict.": universe is not None and given["order"] != "strict",
        "--touch needs --by.": given["touch"] != "first" and not given["by"],
        "--exclude-mode needs --exclude.": given["exclude_mode"] != "drop" and not given["exclude"],
    }
    for sentence, holds in alone.items():
        if holds:
            raise PixelstatError(sentence, "Add it, or leave out the other.")
    given["rules"] = Rules(
        steps or [step(event) for event in SHOP_FUNNEL],
        given.pop("window"),
        given.pop("step_window"),
        given.pop("order"),
        _universe([meant(text) for text in split_steps(universe or "")]),
        given.pop("entry"),
        given.pop("count"),
        [_exclusion(text, meant) for text in given.pop("exclude")],
        given.pop("exclude_mode"),
        frozenset(given.pop("optional")),
        given.pop("grace") or NOTHING,
    )
    listed, is_lost, is_reached = given.pop("visitors_at"), given.pop("lost"), given.pop("reached")
    _check(given, listed, is_open=is_open, is_lost=is_lost, is_reached=is_reached)
    number = 0 if listed is None else _number(listed, given["rules"])
    if is_lost and number == 1:
        raise PixelstatError("Nobody is lost before step 1.", "Try: --visitors-at 2 --lost")
    given |= {"is_open": is_open, "listed": number, "is_lost": is_lost}
    return given


def _check(given: dict[str, Any], listed: str | None, *, is_open: bool, is_lost: bool, is_reached: bool) -> None:
    rules: Rules = given["rules"]
    asked = {
        "--open": is_open,
        "--histogram": given["histogram"],
        "--visitors-at": listed is not None,
        "--every": given["every"] is not None,
        "--optional": bool(rules.optional),
        "--order unordered": rules.order == "unordered",
        "--count": rules.count != "uniques",
        "--by": bool(given["by"]),
        "--unit visit": given["unit"] == "visit",
        "--touch all or step": given["touch"] not in ("first", "last"),
    }
    for one, others in {
        "--open": [
            "--histogram",
            "--visitors-at",
            "--every",
            "--optional",
            "--order unordered",
            "--count",
            "--touch all or step",
        ],
        "--histogram": ["--visitors-at", "--every", "--by"],
        "--visitors-at": ["--every", "--by", "--count", "--unit visit"],
    }.items():
        for other in others:
            if asked[one] and asked[other]:
                raise PixelstatError(f"{one} and {other} do not go together.", "Leave one of them out.")
    if (listed is None) == (is_lost or is_reached) or (is_lost and is_reached):
        raise PixelstatError("--visitors-at STEP lists those who were --lost there or who --reached it.",
                             "Try: --visitors-at 3 --lost -o who.csv")  # fmt: skip
    if given["touch"].startswith("step:") and int(given["touch"][5:]) > len(rules.steps):
        raise PixelstatError(f"--touch {given['touch']}: there are {len(rules.steps)} steps.", "Try: --touch step:1")


def _universe(named: Sequence[Step]) -> pl.Expr:
    """The events that a strict order is over, beside the steps: those named, else all that people do on pages."""
    if not named:
        return ~pl.col("event").is_in(NEVER_BETWEEN).fill_null(value=False)
    return pl.any_horizontal(step.hit for step in named)


def _exclusion(text: str, meant: Callable[[str], Step]) -> Exclusion:
    """`login` or `login:1-2`."""
    found = re.fullmatch(r"(.*):(\d{1,4})-(\d{1,4})", text.strip(), re.DOTALL)
    event = meant(found[1] if found else text)
    return Exclusion(event.name, event.hit, *((int(found[2]), int(found[3])) if found else ()))


def _number(text: str, rules: Rules) -> int:
    """The number of the step that is told by it or by its name."""
    names = _names(rules)
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return int(text)
    if text in names:
        return names.index(text) + 1
    raise PixelstatError(f"--visitors-at {text!r} is no step.", f"Steps: {', '.join(names)}; by number from 1.")


def named(rules: Rules, unit: str, hold: str | None, by: Sequence[str], **_: object) -> Iterable[str]:
    """The columns of the events that the options ask for."""
    conditions = [*(step.hit for step in rules.steps), *(one.hit for one in rules.exclusions)]
    roots = [name for condition in conditions for name in condition.meta.root_names()]
    of_visits = ["visit_start"] if unit == "visit" or rules.count == "visits" else []
    return [*by, *([hold] if hold else []), *of_visits, *roots]


def _caption(rules: Rules, unit: str, hold: str | None, by: Sequence[str], touch: str, **asked: object) -> str:
    told = [f"window {duration_text(rules.window)} from the first step to the last"]
    if rules.step_window is not None:
        told.append(f"{duration_text(rules.step_window)} from step to step")
    if rules.order != "ordered":
        told.append({"strict": "nothing else between two steps", "unordered": "steps in any order"}[rules.order])
    if asked["is_open"]:
        told.append("entered at any step")
    if rules.entry == "first":
        told.append("from the first hit of step 1")
    if rules.count != "uniques":
        told.append({"totals": "every entry counts", "visits": "one entry a visit"}[rules.count])
    if rules.exclusions:
        gone = {"drop": "who does it counts nowhere", "stop": "who does it comes no further"}[rules.exclude_mode]
        told.append(f"without {', '.join(one.name for one in rules.exclusions)}: {gone}")
    if rules.optional:
        told.append(f"step {', '.join(map(str, sorted(rules.optional)))} may be left out")
    if rules.grace:
        told.append(f"hits within {duration_text(rules.grace)} in either order")
    told += [f"by {unit}"] if unit != "visitor" else []
    told += [f"each way with one {hold}"] if hold else []
    if by:
        shows = {
            "first": "the first {} that a {} shows",
            "last": "the last {} that a {} shows",
            "all": "ways of one {}",
        }
        text = shows.get(touch, f"the {{}} at step {touch.removeprefix('step:')}")
        told.append("by " + text.format(" and ".join(by), unit))
    return "; ".join(told)


# -- the report ---------------------------------------------------------------------------------------------------


@report(
    "Funnel",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month of step 1 begins"),
        Column("step", "count", "1 for the first; with --order unordered, how many steps are done", key=True),
        Column("name", "text", "as it was given"),
        Column("visitors", "count", "who reached this step", bar=True),
        Column("visits", "count", "in place of visitors with --unit visit or --count visits", bar=True),
        Column("users", "count", "in place of visitors with --unit user", bar=True),
        Column("entries", "count", "in place of visitors with --count totals", bar=True),
        Column("from_first", "share", "of those who reached step 1"),
        Column(
            "from_previous",
            "share",
            "of those who reached the step before that none may leave out; empty for step 1",
        ),
        Column("lost", "count", "who reached the step before and not this one; empty for step 1"),
        Column("median_seconds", "seconds", "from the step before, of those who reached this one; empty for step 1"),
        Column("pending", "count", "of the lost, whose window was not over when the log ended: they may still come"),
        Column("entered", "count", "with --open: who reached this step, but not from the one before"),
        Column("from_first_low", "share", "from there ...", detail=True),
        Column("from_first_high", "share", "... to there from_first is in 95 of 100 such logs (Wilson)", detail=True),
        Column("from_previous_low", "share", "from there ...", detail=True),
        Column("from_previous_high", "share", "... to there from_previous is in 95 of 100 such logs", detail=True),
        Column("mean_seconds", "seconds", "as median_seconds, the mean", detail=True),
        Column("p90_seconds", "seconds", "as median_seconds, what 90 of 100 do not exceed", detail=True),
        Column("total_median_seconds", "seconds", "from step 1, of those who reached this one", detail=True),
        Column("total_mean_seconds", "seconds", "the mean", detail=True),
        Column("total_p90_seconds", "seconds", "what 90 of 100 do not exceed", detail=True),
        Column("incomplete", "flag", "with --every: whether chains of that time may still grow after the log's end"),
        Column("from_seconds", "seconds", "with --histogram: from first step to last at least so long", key=True),
        Column("to_seconds", "seconds", "with --histogram: and less than that", key=True),
        Column("visitor", "text", "with --visitors-at: who"),
        Column("user_id", "text", "with --visitors-at and --unit user: who"),
        Column("level", "count", "with --visitors-at: the furthest step they reached", key=True),
        Column("first_time", "instant", "with --visitors-at: of step 1"),
        Column("last_time", "instant", "with --visitors-at: of the furthest step"),
    ],
    options=FUNNEL,
    caption=_caption,
    prepared=prepared,
    named=named,
    ahead=lambda rules, **_: rules.window,
)
def funnel(
    events: pl.LazyFrame,
    *,
    rules: Rules,
    are_usual: bool = False,
    unit: str = "visitor",
    hold: str | None = None,
    by: Sequence[str] = (),
    touch: str = "first",
    top: int = 0,
    every: str | None = None,
    tz: str = "UTC",
    is_open: bool = False,
    histogram: bool = False,
    listed: int = 0,
    is_lost: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    log_end: Callable[[], datetime | None] = lambda: None,
    warn: Callable[[str], object] = str,
) -> pl.LazyFrame:
    """How many visitors go each step of the way, and where they leave.

    A step is an event (add_to_cart), a page (/cart, /products/*) or a condition in SQL ("value > 50"),
    with a name in front if you like ("big order: event = 'purchase' and value > 50"), a goal of pixelstat.toml,
    or with --group-pages a group's name; /cart is then still the page itself.
    Without steps it is the usual shop funnel, as far as its events occur.

    A visitor reaches a step by hits in the order of the steps within the window; others may lie between. Step 1 lies
    in the period, later steps also up to a window after its end. With --by there is a funnel for each value, of the
    visitors of whom it is the first that any of their events shows (--touch).
    """
    parting = Parting(unit, hold, by, touch, top, every, tz)
    noun = "entries" if rules.count == "totals" else "visits" if rules.count == "visits" else UNITS[unit]
    seen, held = Seen(), HeldHits()

    def shown(chains: pl.DataFrame, rules: Rules) -> pl.DataFrame:
        if histogram:
            return of_lengths(chains, rules).rename({"counted": noun})
        if listed:
            return listing(chains, rules, listed, parting, is_lost=is_lost)
        return table(chains, rules, parting, noun, log_end())

    def warned(rows: pl.DataFrame) -> pl.DataFrame:
        found = batch(rows)
        if unit == "user" and rows.is_empty():
            warn("no event of these steps names a user.")
        else:
            for sentence in () if are_usual else seen.missing(rules.steps):
                warn(sentence)
        return found if seen.steps or not are_usual else found.clear()  # none of the usual steps occurs

    def of_held(_: pl.DataFrame) -> pl.DataFrame:
        wanted = _occurring(rules, seen.steps) if are_usual else rules
        return shown(plain_chains(held, wanted, sorted(seen.steps) if are_usual else range(1, 65), period), wanted)

    def of_rows(rows: pl.DataFrame) -> pl.DataFrame:
        rows, wanted = once(rows), rules
        for name in idle(rows, rules):
            warn(f"--exclude {name} matches no event, so it changes nothing.")
        if are_usual:
            occurring = steps_of(rows)
            rows, wanted = _renumbered(rows, occurring), _occurring(rules, occurring)
        if is_open:
            return with_names(opened(rows, wanted, parting, log_end()), wanted, parting, noun, ["entered"])
        return shown(of_units(rows, wanted, parting), wanted)

    period = ~is_outside(since, until)
    batch: Callable[[pl.DataFrame], pl.DataFrame]
    if rules.is_plain and parting == Parting(tz=tz, top=top) and not (is_open or listed):
        found, batch = plain(events, rules, seen, held), of_held
    else:
        found, batch = that_matter(events, rules, parting, period, seen), of_rows
    empty = batch(pl.DataFrame(schema=found.collect_schema()))
    return found.map_batches(warned, schema=empty.schema)


def plain(events: pl.LazyFrame, rules: Rules, seen: Seen, held: HeldHits) -> pl.LazyFrame:
    """EVENTS of a funnel of events: `seen` and `held` are told of them, and nothing is left."""
    # Not replace_strict: the streaming engine would hold all rows back for it.
    numbers = [pl.when(step.hit).then(pl.lit(number, pl.UInt8)) for number, step in enumerate(rules.steps, 1)]
    # A number in place of the visitor. That two of ten million have the same one is a matter of one in 300,000 runs.
    key = pl.when(pl.col("visitor").is_not_null()).then(pl.col("visitor").hash())
    hits = events.select("time", "hit", "first", "event", key=key, step=pl.coalesce(numbers))
    hits = seen.past(hits, _steps_of_hits, pl.col("step").is_null())
    return held.hold(hits.filter(pl.col("key").is_not_null() & pl.col("step").is_not_null()))


def plain_chains(held: HeldHits, rules: Rules, steps: Sequence[int], period: pl.Expr) -> pl.DataFrame:
    """CHAINS of the hits that are held, of these of their steps, that begin in the period."""
    place = pl.lit(pl.Series([0] + [sum(one <= number for one in steps) for number in range(1, 65)], dtype=pl.UInt8))

    def of_part(batches: list[pl.DataFrame]) -> pl.DataFrame:
        rows = in_order(batches).lazy().with_columns(step=place.gather("step"))
        rows = rows.filter((pl.col("step") > 1) | period)
        return pointers.best(pointers.pointed(rows, len(rules.steps), rules.window)).collect()

    with ThreadPoolExecutor(2) as both:  # much of what is done for a part goes through one core
        return pl.concat(both.map(of_part, held.parts()))


def _steps_of_hits(hits: pl.DataFrame) -> set[int]:
    return {*hits.select(pl.col("step").filter(pl.col("key").is_not_null()).unique())["step"].drop_nulls()}


def _renumbered(rows: pl.DataFrame, steps: set[int]) -> pl.DataFrame:
    """Rows as if these were all steps."""
    bits = [(pl.col("matches") // (1 << number - 1) % 2) * (1 << place) for place, number in enumerate(sorted(steps))]
    return rows.with_columns(matches=pl.sum_horizontal(bits).cast(pl.UInt64)) if bits else rows


def idle(rows: pl.DataFrame, rules: Rules) -> list[str]:
    """The exclusions that none of the rows is one of, where there are rows."""
    done = rows["excluded"].bitwise_or()
    return [one.name for place, one in enumerate(rules.exclusions) if isinstance(done, int) and not done >> place & 1]


def _occurring(rules: Rules, steps: set[int]) -> Rules:
    """The rules with the steps that occur; all of them where none does."""
    return replace(rules, steps=[rules.steps[number - 1] for number in sorted(steps)] or rules.steps)


def table(chains: pl.DataFrame, rules: Rules, parting: Parting, noun: str, log_end: datetime | None) -> pl.DataFrame:
    """CHAINS -> a row a step, for each group and each bucket of `every`."""
    labels, every = parting.labels, parting.every
    if every:
        chains = chains.with_columns(bucket(pl.col("time_1"), every, parting.tz).alias(BUCKET))
    found = by_step(chains, rules, [*([BUCKET] if every else []), *labels], log_end)
    if every:
        found = over_time(found.lazy(), every, parting.tz, [*labels, "step"]).collect()
        end = pl.col("time").dt.offset_by(EVERY[every]).dt.convert_time_zone("UTC") + rules.window
        found = found.with_columns(incomplete=pl.lit(None, pl.Boolean) if log_end is None else end > log_end)
    return with_names(with_shares(found, rules), rules, parting, noun, ["incomplete"] if every else [])


def with_names(found: pl.DataFrame, rules: Rules, parting: Parting, noun: str, further: Sequence[str]) -> pl.DataFrame:
    """Rows by step as the report has them: the groups with most first, steps by their names."""
    labels, number = parting.labels, len(rules.steps)
    order = ["step"]
    if labels:
        totals = found.filter(pl.col("step") == 1).group_by(labels).agg(units=pl.col("counted").sum())
        is_other = pl.any_horizontal(pl.col(label) == OTHER for label in labels).fill_null(value=False)
        ranked = totals.sort(is_other, -pl.col("units"), *labels).select(labels).with_row_index("its rank")
        found, order = found.join(ranked, on=labels, nulls_equal=True), ["its rank", "step"]
    series = ["time"] if parting.every else []
    named = pl.DataFrame(
        {"step": range(1, number + 1), "name": _names(rules)}, schema={"step": pl.Int64, "name": pl.String}
    )
    shown = found.join(named, on="step").sort(*series, *order)
    own = [pl.col(label).alias(name) for label, name in zip(labels, parting.by, strict=True)]
    return shown.select(*series, *own, "step", "name", pl.col("counted").alias(noun), *MEASURES, *further)


def _names(rules: Rules) -> list[str]:
    number = len(rules.steps)
    if rules.order == "unordered":
        return [f"any {place} of {number}" for place in range(1, number)] + [f"all {number}"]
    return [step.name for step in rules.steps]


def listing(chains: pl.DataFrame, rules: Rules, step: int, parting: Parting, *, is_lost: bool) -> pl.DataFrame:
    """CHAINS -> who reached a step or was lost before it, those first who began first."""
    name = IDS[parting.unit]
    found = who(chains, rules, step, lost=is_lost).with_columns(pl.col(UNIT).cast(pl.String).alias(name))
    return found.sort("first_time", name).select(name, "level", "first_time", "last_time")

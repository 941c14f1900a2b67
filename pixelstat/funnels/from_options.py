"""What is asked of a funnel: its options as rules, the columns that they need, and what a caption says of them."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl

from pixelstat.conditions import Step, parse_step, split_steps
from pixelstat.errors import PixelstatError
from pixelstat.funnels.rules import NOTHING, Exclusion, Rules
from pixelstat.options.shared import top_groups_option
from pixelstat.text.durations import format_duration
from pixelstat.vocabulary import SHOP_FUNNEL

NEVER_BETWEEN = ("ping", "open", "click_email", "web_view", "unsubscribe")  # they do not come between two steps


def prepared(given: dict[str, Any], meant: Callable[[str], Step]) -> dict[str, Any]:
    """The options as the report takes them. Raises PixelstatError for those that contradict each other."""
    for option, is_alone, needed in (
        ("--strict-over", given["strict_over"] is not None and given["order"] != "strict", "--order strict"),
        ("--exclude-mode", given["exclude_mode"] != "drop" and not given["exclude"], "--exclude EVENT"),
        ("--touch", given["touch"] != "first" and not given["by"], "--by COLUMN"),
        ("--top", given["top"] not in (0, top_groups_option.default) and not given["by"], "--by COLUMN"),
    ):
        if is_alone:
            raise PixelstatError(f"{option} changes nothing without {needed}.", f"Add: {needed}")
    steps, is_open = given.pop("steps"), given.pop("open")
    given["are_usual"] = not steps
    if not steps and (given["optional"] or any(":" in text for text in given["exclude"]) or given["visitors_at"]):
        raise PixelstatError("Steps are told by their numbers, so they must be named.", "Add: --steps a,b,c")
    universe = given.pop("strict_over")
    given["rules"] = Rules(
        steps or [parse_step(event) for event in SHOP_FUNNEL],
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
    names = step_names(rules)
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


def caption(rules: Rules, unit: str, hold: str | None, by: Sequence[str], touch: str, **asked: object) -> str:
    told = [f"window {format_duration(rules.window)} from the first step to the last"]
    if rules.step_window is not None:
        told.append(f"{format_duration(rules.step_window)} from step to step")
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
        told.append(f"hits within {format_duration(rules.grace)} in either order")
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


def step_names(rules: Rules) -> list[str]:
    number = len(rules.steps)
    if rules.order == "unordered":
        return [f"any {place} of {number}" for place in range(1, number)] + [f"all {number}"]
    return [step.name for step in rules.steps]

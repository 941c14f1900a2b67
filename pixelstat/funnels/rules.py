"""Define what a funnel counts: its steps, its conversion window and what may lie between the steps.

A *chain* is what a funnel counts: distinct hits h1 .. hk of one actor that match the steps 1 .. k. These hold for it:

- Time never decreases along the chain (with `grace`: by no more than that). Hits of one second count in any order.
- The last hit is at most `window` after the first, and each hit at most `step_window` after the one before.
- The first hit matches step 1 and lies in the period. With `entry` first it is the actor's first such hit.
- With `order` strict, every hit of the universe between the first hit and the last is part of the chain.
- No excluded hit lies between two neighbouring hits that the exclusion covers, that is, in a second between theirs. It
  does not count in a second in which a hit that is not excluded matches one of the two steps, or an optional step
  between them, because nobody can tell which came first. In any order, all steps are neighbours.

Of an actor's chains the longest counts; of several longest, the one that ends first; of those, the one that starts
first, or with `entry` latest the one that starts last. Its hits between start and end are the earliest that fit.

With `exclude_mode` drop, an actor does not count in two cases. First, the actor has a longer chain if exclusions are
ignored. Second, the longest chain is incomplete, and a covered excluded hit follows it. This hit lies within the window
of the latest start that leads to the same end. The second case needs this for every chain of the longest length.

With `count` totals an actor has several entries, one after the other; `search_variants.match_every_entry` defines them.

Optional steps do not decide which chain counts: a chain consists of `required` steps. Once it is chosen, each optional
step is filled with the first hit that fits, also after the last required step, as long as the rules allow.

The conversion window is applied in three places: `vectorized` for all keys at once, `timeline.SearchLimits` (`window`
and `deadline`) for keys that are searched one by one, and `matching.add_optional_step` for optional steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import polars as pl

from pixelstat.conditions import Step, are_disjoint
from pixelstat.errors import PixelstatError

MAX_STEPS = 64  # the bits of `matches` in HITS
MAX_EXCLUSIONS = 32  # the bits of `excluded` in HITS
NO_GRACE = timedelta(0)

OPTIONS = {  # as users type the rules that may contradict each other
    "unordered": "--order unordered",
    "strict": "--order strict",
    "totals": "--count totals",
    "step_window": "--step-window",
    "optional": "--optional",
    "grace": "--grace",
    "exclude": "--exclude",
}
CONFLICTS = {  # a rule: the rules that it does not go together with
    "unordered": ["optional", "step_window", "grace", "totals"],
    "strict": ["optional", "grace", "totals"],
    "totals": ["optional", "grace"],
    "grace": ["step_window", "exclude", "optional"],
}


@dataclass(frozen=True)
class Exclusion:
    """An event that breaks a chain off, between two steps or, without step numbers, anywhere in it."""

    name: str
    hit: pl.Expr  # of EVENTS: whether it is such an event; never null
    after: int | None = None  # the number of the step behind which it counts; steps are numbered from 1
    before: int | None = None  # the number of the step before which it counts

    def covers(self, step: int, next_step: int) -> bool:
        """Return whether it applies between a hit of `step` and a hit of the later `next_step`."""
        return (self.after is None or self.after < next_step) and (self.before is None or step < self.before)


@dataclass(frozen=True)
class FunnelRules:
    """What a chain is, and how an actor's chains are counted.

    Raises PixelstatError for rules that contradict each other.
    """

    steps: Sequence[Step]
    window: timedelta  # conversion window: the longest time from the first hit to the last
    step_window: timedelta | None = None  # the longest time between two neighbouring hits
    order: str = "ordered"  # ordered, strict, unordered
    universe: pl.Expr | None = None  # of a strict order: what may not lie between, beside the steps; never null
    entry: str = "earliest"  # the start of a chain: the earliest or latest that leads as far; first: the actor's first
    count: str = "uniques"  # uniques: each actor once; totals: every entry; visits: one entry a visit
    exclusions: Sequence[Exclusion] = ()
    exclude_mode: str = "drop"  # drop: do not count actors whom an exclusion breaks off; stop: count them up to there
    optional: frozenset[int] = frozenset()  # numbers of steps that may be left out
    grace: timedelta = NO_GRACE  # hits this close together count in any order

    def __post_init__(self) -> None:
        """Refuse rules that contradict each other."""
        number = len(self.steps)
        if number > MAX_STEPS:
            raise PixelstatError(f"A funnel can have at most {MAX_STEPS} steps, not {number}.", "Remove some.")
        for step in sorted(self.optional):
            if not 1 < step < number:
                raise PixelstatError(
                    f"--optional {step}: only a step between the first and the last of {number} can be optional.",
                    "Steps are numbered from 1.",
                )
        for exclusion in self.exclusions:
            self._check_exclusion(exclusion)
        if len(self.exclusions) > MAX_EXCLUSIONS:
            raise PixelstatError(
                f"A funnel can have at most {MAX_EXCLUSIONS} exclusions, not {len(self.exclusions)}.",
                "Combine some: --exclude \"event in ('a', 'b')\"",
            )
        self._check_conflicts()

    def _check_exclusion(self, exclusion: Exclusion) -> None:
        """Raise PixelstatError where the exclusion names steps that it cannot lie between."""
        if exclusion.after is None or exclusion.before is None:
            return
        number = len(self.steps)
        if not 1 <= exclusion.after < exclusion.before <= number:
            raise PixelstatError(
                f"--exclude {exclusion.name}:{exclusion.after}-{exclusion.before} is outside the funnel, "
                f"which has {number} steps.",
                f"Try: --exclude {exclusion.name}:1-{number}",
            )
        if self.order == "unordered":
            raise PixelstatError(
                "An exclusion between two steps needs a funnel with ordered steps.",
                f"Try: --exclude {exclusion.name}",
            )

    def _check_conflicts(self) -> None:
        """Raise PixelstatError for the first two rules of CONFLICTS that are both set."""
        is_set = {
            "unordered": self.order == "unordered",
            "strict": self.order == "strict",
            "totals": self.count == "totals",
            "optional": bool(self.optional),
            "step_window": self.step_window is not None,
            "grace": bool(self.grace),
            "exclude": bool(self.exclusions),
        }
        for rule, conflicts in CONFLICTS.items():
            for conflict in conflicts:
                if is_set[rule] and is_set[conflict]:
                    raise PixelstatError(
                        f"{OPTIONS[rule]} and {OPTIONS[conflict]} cannot be combined.", "Leave one of them out."
                    )

    @cached_property
    def required(self) -> list[int]:
        """The numbers of the steps that a chain consists of."""
        return [number for number in range(1, len(self.steps) + 1) if number not in self.optional]

    @property
    def step_names(self) -> list[str]:
        """The names of the rows of the funnel, in order."""
        number = len(self.steps)
        if self.order == "unordered":
            return [f"any {reached} of {number}" for reached in range(1, number)] + [f"all {number}"]
        return [step.name for step in self.steps]

    @property
    def is_vectorizable(self) -> bool:
        """Whether the earliest chain from each start is enough to know, also where hits share a second."""
        has_special_rules = self.exclusions or self.optional or self.grace or self.step_window is not None
        is_default = self.order == "ordered" and self.entry != "first" and self.count == "uniques"
        return is_default and not has_special_rules and are_disjoint(self.steps)

    @property
    def longest_time(self) -> timedelta:
        """The longest time from the first hit of a chain to the last."""
        return self.window if self.step_window is None else min(self.window, self.step_window * (len(self.steps) - 1))

    def step_before(self, step: int) -> int:
        """Return the required step before this one, which its share refers to; 0 if there is none."""
        return max((number for number in self.required if number < step), default=0)

    def covering_exclusions(self, step: int, next_step: int) -> list[int]:
        """Return the indexes of the exclusions that apply between these steps."""
        return [index for index, exclusion in enumerate(self.exclusions) if exclusion.covers(step, next_step)]

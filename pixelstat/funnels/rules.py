"""The rules of a funnel: its steps, and what may lie between them. Those that contradict each other are refused.

A *chain* is what a funnel counts: distinct hits h1 .. hk of one unit that match the steps 1 .. k,

- in an order of time that never falls (`grace`: by no more than that), hits of one second in any order;
- the last no more than `window` after the first, and each no more than `step_window` after the one before;
- the first of them a hit of step 1 that lies in the period; with `entry` first, the unit's first such hit;
- with `order` strict, every hit of the universe that lies between the first and the last being one of them;
- with no excluded hit between two of them that an exclusion guards. An excluded hit of a second in which a hit that is
  not excluded matches a step does not count: nobody can tell which came first.

Of a unit's chains the longest counts, of those the one that ends first, of those the one that starts last, with the
earliest hits between. A chain goes by the steps that none may leave out (`required`); to the one that counts belongs of
each other step the first hit that could stand in it, behind its end too, as far as the rules let it go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import polars as pl

from pixelstat.conditions import Step, share_no_hit
from pixelstat.errors import PixelstatError

MOST_STEPS = 64
MOST_EXCLUSIONS = 32
NOTHING = timedelta(0)


@dataclass(frozen=True)
class Exclusion:
    """Hits that break a chain off between two steps, numbered from 1; without them, anywhere in it."""

    name: str
    hit: pl.Expr  # of EVENTS; never null
    after: int | None = None
    before: int | None = None

    def guards(self, step: int, following: int) -> bool:
        """Whether it looks between a hit of one step and a hit of a later one."""
        return (self.after is None or self.after < following) and (self.before is None or step < self.before)


@dataclass(frozen=True)
class Rules:
    """What a chain is, and how a unit's chains are counted. Raises PixelstatError for rules that contradict."""

    steps: Sequence[Step]
    window: timedelta
    step_window: timedelta | None = None
    order: str = "ordered"  # ordered, strict, unordered
    universe: pl.Expr | None = None  # of a strict order: what may not lie between, beside the steps; never null
    entry: str = "latest"  # latest, first
    count: str = "uniques"  # uniques, totals, visits
    exclusions: Sequence[Exclusion] = ()
    exclude_mode: str = "drop"  # drop: whom an exclusion breaks off counts nowhere; stop: as far as they came
    optional: frozenset[int] = frozenset()  # numbers of steps that may be left out
    grace: timedelta = NOTHING

    def __post_init__(self) -> None:
        number = len(self.steps)
        if number > MOST_STEPS:
            raise PixelstatError(f"A funnel has at most {MOST_STEPS} steps.", "Leave some out.")
        for step in sorted(self.optional):
            if not 1 < step < number:
                raise PixelstatError(
                    f"--optional {step}: only a step between the first and the last of {number} can be left out.",
                    "Steps are numbered from 1.",
                )
        for one in self.exclusions:
            self._check(one)
        if len(self.exclusions) > MOST_EXCLUSIONS:
            raise PixelstatError(f"A funnel has at most {MOST_EXCLUSIONS} exclusions.", "event in ('a', 'b') is one.")
        self._refuse("unordered", self.order == "unordered", ["optional", "step_window", "grace", "totals"])
        self._refuse("strict", self.order == "strict", ["optional", "grace", "totals"])
        self._refuse("totals", self.count == "totals", ["optional", "grace"])
        self._refuse("grace", bool(self.grace), ["step_window", "exclude", "optional"])

    def _check(self, one: Exclusion) -> None:
        if one.after is None or one.before is None:
            return
        number = len(self.steps)
        if not 1 <= one.after < one.before <= number:
            raise PixelstatError(
                f"--exclude {one.name}:{one.after}-{one.before} lies outside the funnel, which has {number} steps.",
                f"Try: --exclude {one.name}:1-{number}",
            )
        if self.order == "unordered":
            raise PixelstatError(
                "An unordered funnel has no steps that an exclusion could lie between.", f"Try: --exclude {one.name}"
            )

    def _refuse(self, name: str, asked: bool, others: Sequence[str]) -> None:
        given = {
            "optional": bool(self.optional),
            "step_window": self.step_window is not None,
            "grace": bool(self.grace),
            "totals": self.count == "totals",
            "exclude": bool(self.exclusions),
        }
        words = {"unordered": "--order unordered", "strict": "--order strict", "totals": "--count totals",
                 "step_window": "--step-window"}  # fmt: skip
        for other in others:
            if asked and given[other]:
                one, two = (words.get(word, f"--{word}") for word in (name, other))
                raise PixelstatError(f"{one} and {two} do not go together.", "Leave one of them out.")

    @cached_property
    def required(self) -> list[int]:
        """The numbers of the steps that a chain goes by."""
        return [number for number in range(1, len(self.steps) + 1) if number not in self.optional]

    @property
    def is_plain(self) -> bool:
        """Whether the earliest way from each start is all there is to look for, whatever hits share a second."""
        others = self.exclusions or self.optional or self.grace or self.step_window is not None
        usual = (self.order, self.entry, self.count) == ("ordered", "latest", "uniques")
        return usual and not others and share_no_hit(self.steps)

    def step_before(self, step: int) -> int:
        """The required step before this one: what its share is of. 0 before the first."""
        return max((number for number in self.required if number < step), default=0)

    def guarding(self, step: int, following: int) -> list[int]:
        """The places of the exclusions that look between these steps."""
        return [place for place, one in enumerate(self.exclusions) if one.guards(step, following)]

"""The touch that an event is attributed to: cases to count by hand, and a plain loop over random visits and clicks."""

from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelstat.sessions.sessionize import SessionRules, sessionize
from pixelstat.sessions.touches import AttributionRules, attributed_column
from pixelstat.vocabulary import SINGLE_TOUCH_MODELS
from tests.sessions.test_sessionize import events

MINUTE, DAY = 60, 86_400
Rows = tuple[dict[str, object], ...]
CHANNEL, CAMPAIGN = attributed_column("channel"), attributed_column("utm_campaign")
NEWS = {"channel": "Email", "source": "news", "medium": "email", "source_basis": "campaign", "utm_campaign": "launch"}
SEARCH = {"channel": "Organic Search", "source": "google", "medium": "organic", "source_basis": "referrer"}
CLICK = {"event": "click_email", "campaign": "spring"}
BUY = {"event": "purchase"}


def attribute(
    *rows: dict[str, object], model: str = "last_non_direct", days: float = 30
) -> list[tuple[str, str | None]]:
    """Channel and campaign that each event is attributed to."""
    rules = SessionRules(attribution=AttributionRules(model, timedelta(days=days)))
    return sessionize(events(*rows), rules).collect().select(CHANNEL, CAMPAIGN).rows()


def test_each_model_chooses_its_touch() -> None:
    rows: Rows = ({"at": 0, **NEWS}, {"at": DAY, **SEARCH}, {"at": 2 * DAY}, {"at": 2 * DAY + 5, **BUY})
    chosen = {model: attribute(*rows, model=model)[-1] for model in SINGLE_TOUCH_MODELS}
    direct = ("Direct", None)
    assert chosen == {
        "last_non_direct": ("Organic Search", None), "last": direct, "first": ("Email", "launch"), "visit": direct,
    }  # fmt: skip


def test_a_touch_longer_ago_than_the_lookback_does_not_count() -> None:
    rows: Rows = ({"at": 0, **NEWS}, {"at": DAY, **SEARCH}, {"at": 2 * DAY, **BUY})
    assert [attribute(*rows, days=days)[-1][0] for days in (1, 0.99)] == ["Organic Search", "Direct"]
    first = [attribute(*rows, model="first", days=days)[-1][0] for days in (2, 1.99, 0.99)]
    assert first == ["Email", "Organic Search", "Direct"]


def test_the_own_visit_counts_however_long_it_lasts() -> None:
    long_visit = [{"at": at, **(NEWS if at == 0 else {})} for at in range(0, 7200, 900)]
    assert {*attribute(*long_visit, days=1 / 24)} == {("Email", "launch")}


def test_source_and_campaign_of_a_touch_come_from_one_event() -> None:
    rows: Rows = ({"at": 0, **SEARCH}, {"at": 10, **NEWS}, {"at": 20, **BUY})
    assert {*attribute(*rows)} == {("Organic Search", None)}


def test_a_click_in_an_email_opens_a_direct_visit() -> None:
    rows: Rows = ({"at": 0, **CLICK}, {"at": 30}, {"at": 60, **BUY})
    assert [*attribute(*rows), *attribute(*rows, model="visit")] == [("Email", "spring")] * 6


def test_a_visit_that_a_click_opens_keeps_its_own_source() -> None:
    assert attribute({"at": 0, **CLICK}, {"at": 30, **NEWS})[1] == ("Email", "launch")


def test_a_click_without_a_visit_is_a_touch() -> None:
    rows: Rows = ({"at": 0, **CLICK}, {"at": DAY}, {"at": DAY + 5, **BUY})
    assert attribute(*rows)[-1] == attribute(*rows, model="first")[-1] == ("Email", "spring")
    assert attribute(*rows, model="last")[-1] == ("Direct", None)


def test_a_click_within_a_visit_is_a_touch_from_then_on() -> None:
    rows: Rows = ({"at": 0, **SEARCH}, {"at": 60, **CLICK}, {"at": 90}, {"at": 120, **BUY})
    assert [channel for channel, _ in attribute(*rows)] == ["Organic Search", "Email", "Email", "Email"]
    assert attribute(*rows, model="visit")[-1][0] == "Organic Search"


def test_touches_of_other_visitors_do_not_count() -> None:
    rows: Rows = ({"at": 0, **NEWS}, {"at": DAY, "visitor": "v:ben"}, {"at": 2 * DAY, "visitor": "v:aaa", **BUY})
    assert [channel for channel, _ in attribute(*rows)] == ["Email", "Direct", "Direct"]


def test_an_event_without_a_visitor_keeps_what_it_shows() -> None:
    assert attribute({"at": 0, "visitor": None, **NEWS}, {"at": 5, "visitor": None}) == [
        ("Email", "launch"),
        (None, None),
    ]


class Event(NamedTuple):
    """A random event: what it shows is the number of its campaign."""

    time: int
    visitor: str
    kind: str  # view, click, open
    campaign: int | None


EVENTS = st.lists(
    st.builds(
        Event,
        st.integers(0, 30).map(lambda step: step * 20 * MINUTE),
        st.sampled_from(["v:a", "v:b"]),
        st.sampled_from(["view", "view", "view", "click", "open"]),
        st.one_of(st.none(), st.integers(0, 2)),
    ),
    max_size=14,
    unique_by=lambda event: (event.time, event.visitor),
)


def build_row(event: Event) -> dict[str, object]:
    name = {"view": "page_view", "click": "click_email", "open": "open"}[event.kind]
    row: dict[str, object] = {"at": event.time, "visitor": event.visitor, "event": name}
    if event.campaign is not None:
        campaign = f"c{event.campaign}"
        row |= {"channel": campaign, "source": campaign, "source_basis": "campaign", "utm_campaign": campaign}
    return row


def attribute_plainly(shown: list[Event], model: str, lookback: int) -> list[str | None]:
    """The channel that each event is attributed to, by a loop over the definitions."""
    results: dict[Event, str | None] = {}
    for visitor in ("v:a", "v:b"):
        own = sorted(event for event in shown if event.visitor == visitor)
        visits: list[list[Event]] = []
        for event in own:
            if event.kind != "view":
                continue
            if not visits or event.time - visits[-1][-1].time > 30 * MINUTE:
                visits.append([])
            visits[-1].append(event)
        sources = [next((f"c{e.campaign}" for e in visit if e.campaign is not None), "Direct") for visit in visits]
        touches: list[tuple[int, str, int | None]] = [
            (visit[0].time, source, number) for number, (visit, source) in enumerate(zip(visits, sources, strict=True))
        ]
        for click in reversed([event for event in own if event.kind == "click"]):
            source = "Email" if click.campaign is None else f"c{click.campaign}"
            after = [
                place for place, (time, _, number) in enumerate(touches) if number is not None and time > click.time
            ]
            if after and touches[after[0]][0] - click.time <= 30 * MINUTE:
                time, own_source, number = touches[after[0]]
                touches[after[0]] = (time, source if own_source == "Direct" else own_source, number)
            else:
                touches.append((click.time, source, None))
            touches.sort()
        for event in own:
            number = next((number for number, visit in enumerate(visits) if event in visit), None)
            of_visit = next((touch for touch in touches if number is not None and touch[2] == number), None)
            before = [touch for touch in touches if 0 <= event.time - touch[0] <= lookback]
            other = [touch for touch in before if touch[1] != "Direct"]
            chosen = {"visit": [], "last": before[-1:], "first": before[:1], "last_non_direct": other[-1:]}[model]
            if model == "last_non_direct" and not other and not of_visit:
                chosen = before[-1:]
            touch = chosen[0] if chosen else of_visit
            shown_source = "Email" if event.kind == "click" else None
            results[event] = touch[1] if touch else shown_source if event.campaign is None else f"c{event.campaign}"
    return [results[event] for event in shown]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(shown=EVENTS, model=st.sampled_from(SINGLE_TOUCH_MODELS), steps=st.sampled_from([1, 4, 12, 2000]))
def test_attribution_equals_a_plain_loop(shown: list[Event], model: str, steps: int) -> None:
    lookback = steps * 20 * MINUTE
    rules = SessionRules(attribution=AttributionRules(model, timedelta(seconds=lookback)))
    rows = sessionize(events(*map(build_row, shown)), rules).collect()
    assert rows[CHANNEL].to_list() == attribute_plainly(shown, model, lookback)

"""Steps and exclusions that no event matches are warned of."""

from datetime import timedelta

from pixelstat.reports.funnel import funnel
from tests.funnels.stories import START, counted, did, events, rules, table


def test_a_step_that_nothing_matches_is_warned_of_with_what_may_be_meant() -> None:
    said: list[str] = []
    table([did("a0 b1")], rules(["a", "purchse", "b"]), warn=said.append)
    table([[(0, "page_view"), (1, "purchase")]], rules(["page_view", "purchse"]), warn=said.append)
    table([[(0, "page_view"), (1, "purchase")]], rules(["page_view", "purchse"], order="strict"), warn=said.append)
    assert said == [
        "step 2, 'purchse', matches no event. The logs contain a, b.",
        *["step 2, 'purchse', matches no event. Did you mean purchase?"] * 2,
    ]


def test_an_exclusion_that_nothing_matches_is_warned_of() -> None:
    said: list[str] = []
    table([did("a0 x1 b2")], rules(["a", "b"], exclude=["x", "logn"]), warn=said.append)
    assert said == ["--exclude logn matches no event, so it changes nothing."]


def test_the_warning_names_no_step_that_occurs_only_after_the_period() -> None:
    said: list[str] = []
    counts_of = counted([did("a9 b10")], rules(["a", "b"]), until=START + timedelta(seconds=5), warn=said.append)
    assert (counts_of, said) == ([0, 0], [])


def test_where_usual_steps_are_missing_the_first_that_occurs_lies_in_the_period() -> None:
    stories = [did("b0 c1"), did("b9 c10")]
    until = START + timedelta(seconds=5)
    assert counted(stories, rules(["a", "b", "c"]), until=until, has_default_steps=True) == [1, 1]


def test_events_without_users_are_warned_of_once() -> None:
    said: list[str] = []
    funnel.compute(events([did("a0 b1")]), rules=rules(["a", "b"]), actor="user", warn=said.append).collect()
    assert said == ["no event of these steps has a user id."]

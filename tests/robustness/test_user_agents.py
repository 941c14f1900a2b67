"""A hostile user agent is text and nothing more, and is classified quickly."""

from pathlib import Path
from time import monotonic

import pytest

from tests.builders import log, view
from tests.marks import slow_after
from tests.small_logs import ONE_PAGE, count_views


@pytest.mark.slow
@pytest.mark.parametrize(
    "agent",
    slow_after(8, [
        "Opera", "Opera/", "Opera/9.80 (", "Opera/9.80 (J2ME/MIDP; Opera Mini/", "Opera Mini", "Opera/\x01", "OPR/",
        "Opera/9.80 (Windows NT 6.1; U; en) Presto/2.8.131 Version/", "Opera 99999999999999999999", "Opera/9.80 (S60;",
        "(", ")", "[", "*", "?", "+", "{", "%s%n%x", "$(id)", "Mozilla/5.0 (" + "(" * 5_000, "Firefox/" + "9" * 100_000,
        "Version/" + "9." * 50_000, " " * 9_999, "\u202e\u2066", "\\x", "a\x01b\x02c\x1fd",
    ]),
    ids=lambda agent: f"{agent[:20]!a}",
)  # fmt: skip
def test_a_hostile_user_agent_is_read_as_text(agent: str, tmp_path: Path) -> None:
    started = monotonic()
    finished = count_views(
        tmp_path, log(view("ann", "/", "10:00", agent=agent), view("ben", "/", "10:01", agent=f"{agent}bot/1.0"))
    )
    assert finished.stdout in (ONE_PAGE, "page,views,visitors\n/,2,2\n")  # a bot behind 2,048 characters is not seen
    assert " from 2 lines" in finished.stderr
    assert "unreadable" not in finished.stderr
    assert monotonic() - started < 20


@pytest.mark.slow
def test_a_thousand_long_user_agents_are_classified_quickly(tmp_path: Path) -> None:
    started = monotonic()
    agents = ("Opera/" + "9." * 1_000 + str(number) for number in range(1_000))
    finished = count_views(tmp_path, log(*(view("ann", "/", "10:00", agent=agent) for agent in agents)))
    assert finished.stdout == "page,views,visitors\n/,1000,1\n"
    assert monotonic() - started < 20

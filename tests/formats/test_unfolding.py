"""Queries, headers and properties of JSON objects are unfolded, and nothing else."""

import json

import pytest

from pixelstat import formats
from pixelstat.formats.detection import detect
from pixelstat.formats.unfolding import unfold
from tests.formats.lines import read

AGENT = "Mozilla/5.0 (X11; Linux)"
REQUEST = {"time": "2026-09-07T10:00:00Z", "ip": "203.0.113.7", "method": "GET", "status": 200, "ua": AGENT}


@pytest.mark.parametrize(
    ("value", "unfolded"),
    [
        ({"query": {"e": "pv", "p": "/a b"}}, {"query": "e=pv&p=/a%20b"}),
        ({"query": {"e": ["pv", "x"], "n": 1}}, {"query": "e=pv&e=x&n=1"}),
        ({"params": [{"key": "e", "value": "a&b"}]}, {"params": "e=a%26b"}),
        ({"a": {"queryStringParameters": None}}, None),
        ({"queryStringParameters": None}, {"queryStringParameters": ""}),
        ({"headers": [{"name": "User-Agent", "value": "x"}]}, {"headers": {"User-Agent": "x"}}),
        ({"properties": '{"CIp":"203.0.113.7"}'}, {"properties": {"CIp": "203.0.113.7"}}),
        ({"uri": "/p.gif?e=pv", "query": {"e": "pv"}}, None),
        ({"query": "e=pv"}, None),
        ({"headers": {"User-Agent": "x"}}, None),
        ({"labels": [{"name": "a", "value": "b"}]}, None),
    ],
)
def test_parts_are_unfolded(value: dict[str, object], unfolded: dict[str, object] | None) -> None:
    assert unfold(value, json.dumps(value)) == unfolded


def test_pages_in_front_do_not_cost_pixels_their_query() -> None:
    pages = [{**REQUEST, "path": "/a", "query": {}}] * 9
    pixel = {**REQUEST, "path": "/pixel.gif", "query": {"e": "pv", "v": "a1"}}
    lines = [json.dumps(line) for line in (*pages, pixel)]
    log_format = detect(lines, formats.load_all_formats())
    assert log_format
    assert read(log_format, *lines)["query"].to_list() == [None] * 9 + ["e=pv&v=a1"]

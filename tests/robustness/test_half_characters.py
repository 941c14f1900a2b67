"""Halves of characters, which JSON can escape, break no line that holds JSON."""

import json
from pathlib import Path

import pytest

from pixelstat.text.json_values import load_json
from tests.builders import log
from tests.run import run_in_process

HALF = "\\ud83d"
COMBINED = f'203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif?e=page_view&v=ann&p=/x HTTP/1.1" 200 43 "-" "A{HALF}"'
FIELDS = '"time":"2026-09-07T10:00:00Z","remote_addr":"203.0.113.7","status":200,"user_agent":"A\\ud83d"'
RECORD = f'{{{FIELDS},"request_uri":"/pixel.gif?e=page_view&v=ann&p=/x"}}'
LOGS = {
    "a line as a value": json.dumps({"message": COMBINED}).replace("\\\\ud83d", HALF),
    "an object as a value": f'{{"_source":{RECORD}}}',
    "a query as an object": f'{{{FIELDS},"uri":"/pixel.gif","queryStringParameters":{{"e":"page_view","v":"ann","x":"{HALF}"}}}}',
    "records in an array": f'{{"records":[{RECORD}]}}',
    "an array of names and values": json.dumps(
        {
            "results": [
                [{"field": "@timestamp", "value": "2026-09-07 10:00:00.000"}, {"field": "@message", "value": COMBINED}]
            ]
        }
    ).replace("\\\\ud83d", HALF),
    "a plain object": RECORD,
}


@pytest.mark.parametrize("name", LOGS)
def test_a_line_with_a_half_character_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(LOGS[name]))
    output = run_in_process(tmp_path, "events", "access.log", "--format", "ndjson", "--reveal-ids").stdout
    [event] = map(json.loads, output.splitlines())
    assert (event["visitor"], event["client"]) == ("v:ann", "203.0.113.7")
    assert event["user_agent"] in ("A?", "A\0")  # the latter where Polars decodes the object


def test_whole_characters_stay() -> None:
    assert load_json('{"a": "\\ud83d\\ude00 \\ud83d \\u00e9"}') == {"a": "\U0001f600 ? é"}

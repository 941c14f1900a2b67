"""--log-format: a format that is given by its name or as the server's configuration spells it."""

from pathlib import Path

import pytest

from pixelstat import formats
from pixelstat.errors import PixelstatError
from tests.builders import instant, log
from tests.formats.lines import read_given
from tests.run import run_in_process
from tests.small_logs import ANN, write_log

JS = (
    '{"t":"2026-09-07T10:00:00+02:00","c":"203.0.113.2","r":"GET /pixel.gif?v=ben&p=/js HTTP/1.1",'
    r'"s":200,"ua":"say \"hi\"\u001b","of":{"id":"r-1"}}'
)

W3C_PIECE = "2026-09-07 10:00:00 203.0.113.1 GET /pixel.gif v=ann&p=/ 200"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "line"),
    [
        pytest.param(
            '{"t":"$time_iso8601","c":"$remote_addr","r":"$request","s":$status,"ua":"$http_user_agent"}',
            JS.replace("ben&p=/js", "ann&p=/"), id="JSON",
        ),
        pytest.param(
            '{ "at": $msec, "on": {"host": "$host"}, "asked": "$request_uri", "with": "$args" }',
            '{"at": 1788775200.125, "on": {"host": "shop.example"}, "asked": "/pixel.gif?v=ann&p=/", "with": "v=ann&p=/"}',
            id="JSON with a number for a time",
        ),
        pytest.param("#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status", W3C_PIECE, id="fields"),
        pytest.param(
            "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status", W3C_PIECE.replace(" ", "\t"),
            id="fields parted by tabs",
        ),
        pytest.param("ncsa_extended", ANN, id="ncsa_extended means combined"),
        pytest.param("combined", ANN, id="combined"),
        pytest.param("main", f'{ANN} "203.0.113.9"', id="main means combined_forwarded"),
        pytest.param("fastly", ANN.rpartition(' "-"')[0], id="fastly means common"),
        pytest.param("common_complete", f"shop.example {ANN}", id="common_complete means combined_vhost"),
        pytest.param("$remote_addr - - [$time_local] \"$request\" $status", ANN, id="nginx"),
        pytest.param("%h %l %u %t \\\"%r\\\" %>s %b", ANN, id="Apache"),
    ],
)  # fmt: skip
def test_a_given_format_reads_its_log(given: str, line: str, tmp_path: Path) -> None:
    write_log(tmp_path, log(line))
    finished = run_in_process(tmp_path, "views", "access.log", "--log-format", given)
    assert finished.stdout == "page,views,visitors\n/,1,1\n"
    assert finished.exit == 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("combind", "There is no log format 'combind'."),
        ("../formats/combined", "There is no log format '../formats/combined'."),
        ("__init__", "There is no log format '__init__'."),
        (" ", "--log-format is empty."),
        ('{"t":"$time_iso8601"', 'The log format \'{"t":"$time_iso8601"\' is not JSON: '),
        ('{"t":"$time_iso8601"}', "The log format '--log-format' lacks a time or a request."),
        ('{"r":"$request"}', "The log format '--log-format' lacks a time or a request."),
        ("{}", "The log format '--log-format' lacks a time or a request."),
        ("$time_local$request", "The log format '$time_local$request' has two fields without a separator"),
        ("#Fields: date time", "The log format '#Fields: date time' lacks a time or an address."),
        ("#Fields:", "The log format '#Fields:' lacks a time or an address."),
    ],
)
def test_a_given_format_that_does_not_exist_or_says_too_little_is_an_error(
    given: str, sentence: str, tmp_path: Path
) -> None:
    write_log(tmp_path, log(ANN))
    finished = run_in_process(tmp_path, "views", "access.log", "--log-format", given)
    assert finished.stderr.startswith(f"Error: {sentence}")
    assert (finished.stdout, finished.exit) == ("", 2)


def test_a_custom_nginx_string_is_read() -> None:
    row = read_given(
        '$remote_addr [$time_iso8601] "$request_method $request_uri" $status ($http_user_agent) $request_time',
        '203.0.113.7 [2026-09-07T10:00:00+02:00] "GET /p.gif?e=buy&x=a+b" 200 (Mozilla/5.0 (X11)) 0.001',
    )
    assert (row["time"], row["path"], row["query"], row["status"]) == (
        instant("2026-09-07T08:00:00+00:00"),
        "/p.gif",
        "e=buy&x=a+b",
        200,
    )


def test_seconds_since_the_epoch_are_read() -> None:
    assert read_given("$msec $remote_addr $request_uri", "1788775200.125 203.0.113.7 /p.gif")["time"] == instant(
        "2026-09-07T10:00:00.125+00:00"
    )


def test_a_custom_apache_string_is_read() -> None:
    row = read_given(
        '%a %{%Y-%m-%d %H:%M:%S %z}t "%m %U%q" %>s \\"%{User-agent}i\\" %{Host}i',
        '203.0.113.7 2026-09-07 10:00:00 +0000 "GET /p.gif?e=buy" 204 "Mozilla/5.0" shop.example',
    )
    assert (row["time"], row["method"], row["status"], row["vhost"]) == (
        instant("2026-09-07T10:00:00+00:00"),
        "GET",
        204,
        "shop.example",
    )


@pytest.mark.parametrize("template", ["$remote_addr $request", "$time_local", "nonsense", "%h%u %t %r", "%h %u"])
def test_a_format_string_without_time_or_request_is_an_error(template: str) -> None:
    with pytest.raises(PixelstatError):
        formats.select_formats(template)


def test_a_format_that_repeats_parts_of_the_request_undoes_escapes_once() -> None:
    row = read_given(
        '$remote_addr [$time_local] "$request" $status "$uri" "$args"',
        r'1.2.3.4 [07/Sep/2026:10:00:00 +0000] "GET /p.gif?e=\x5Cx41 HTTP/1.1" 200 "/p.gif" "e=\x5Cx41"',
    )
    assert (row["path"], row["query"]) == ("/p.gif", r"e=\x41")


def test_the_first_of_two_times_in_a_format_is_read() -> None:
    template = "$msec $remote_addr [$time_local] $request_uri"
    row = read_given(template, "1788775200.125 1.2.3.4 [07/Sep/2026:11:11:11 +0000] /p.gif")
    assert row["time"] == instant("2026-09-07T10:00:00.125+00:00")


def test_the_keys_of_a_json_string_may_be_nested_and_may_hold_dots() -> None:
    template = '{"at": "$time_iso8601", "http": {"request": {"uri": "$uri", "whole": "$request_uri"}}, "source.ip": "$remote_addr"}'
    line = '{"source.ip":"203.0.113.7","http":{"request":{"whole":"/p.gif?e=pv","uri":"/index.php"}},"at":"2026-09-07T10:00:00+00:00"}'
    assert formats.select_formats(template)[0].matches(line)
    row = read_given(template, line)
    assert (row["client"], row["path"], row["query"], row["rejected"]) == ("203.0.113.7", "/p.gif", "e=pv", None)

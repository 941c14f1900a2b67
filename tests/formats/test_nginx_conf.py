"""--nginx-conf: logs are read by the log_format directives of an nginx configuration."""

from pathlib import Path

import pytest

from tests.builders import log
from tests.run import Finished, run_in_process
from tests.small_logs import ANN, NO_FORMAT, findings_of, write_log

CONF = r"""
user www-data;
# log_format gone '$remote_addr [$time_local] "$request"';
http {
    log_format piped '$time_iso8601|$remote_addr|'   # the time comes first; then
                     "$request_method|$request_uri|" '$status|'  # what was asked
                     $http_user_agent;
    log_format  js  escape=json
        '{"t":"$time_iso8601","c":"$remote_addr","r":"$request",'
        '"s":$status,"ua":"$http_user_agent","of":{"id":"$request_id"}}';
    log_format hashed '$remote_addr # $remote_user [$time_local] \'$request\' $status;';
    access_log /var/log/nginx/access.log piped;
}
"""

PIPED = "2026-09-07T10:00:00+02:00|203.0.113.1|GET|/pixel.gif?v=ann&p=/piped|200|Firefox/140.0"

JS = (
    '{"t":"2026-09-07T10:00:00+02:00","c":"203.0.113.2","r":"GET /pixel.gif?v=ben&p=/js HTTP/1.1",'
    r'"s":200,"ua":"say \"hi\"\u001b","of":{"id":"r-1"}}'
)

HASHED = "203.0.113.3 # - [07/Sep/2026:10:00:00 +0200] 'GET /pixel.gif?v=cy&p=/hashed HTTP/1.1' 200;"


@pytest.mark.slow
def test_logs_are_read_by_the_formats_of_an_nginx_configuration(tmp_path: Path) -> None:
    write_log(tmp_path, CONF, "nginx.conf")
    write_log(tmp_path, log(PIPED), "piped.log")
    write_log(tmp_path, log(JS), "js.log")
    write_log(tmp_path, log(HASHED), "hashed.log")
    write_log(tmp_path, log(ANN), "combined.log")  # which every nginx knows
    logs = ["piped.log", "js.log", "hashed.log", "combined.log"]
    assert run_in_process(tmp_path, "views", *logs, "--nginx-conf", "nginx.conf") == Finished(
        "page,views,visitors\n/,1,1\n/hashed,1,1\n/js,1,1\n/piped,1,1\n",
        "4 events from 4 lines\n"
        "formats: combined 1, hashed 1, js 1, piped 1\n"
        "from 2026-09-07 08:00:00 to 2026-09-07 10:00:00 UTC\n",
        0,
    )


def test_one_log_may_mix_the_formats_of_a_configuration(tmp_path: Path) -> None:
    write_log(tmp_path, CONF, "nginx.conf")
    write_log(tmp_path, log(HASHED, JS, "oops", PIPED, ANN))
    rows = findings_of(tmp_path, "access.log", "--nginx-conf", "nginx.conf")
    assert rows[2:6] == [("read as", name, 1) for name in ("combined", "hashed", "js", "piped")]
    assert rows[-2] == ("unreadable", f"access.log:3 {NO_FORMAT}: oops", None)


@pytest.mark.slow
def test_json_of_a_configuration_gives_its_fields_unescaped(tmp_path: Path) -> None:
    write_log(tmp_path, CONF, "nginx.conf")
    write_log(tmp_path, log(JS))
    for holds in ("request_id = 'r-1'", "user_agent = 'say \"hi\"\x1b'", "client = '203.0.113.2'"):
        finished = run_in_process(tmp_path, "views", "access.log", "-q", "--nginx-conf", "nginx.conf", "--where", holds)
        assert finished.stdout == "page,views,visitors\n/js,1,1\n"


def test_other_formats_than_those_of_the_configuration_are_not_tried(tmp_path: Path) -> None:
    write_log(tmp_path, CONF, "nginx.conf")
    write_log(tmp_path, log(PIPED, ANN.replace(" - - ", " ")))
    assert ("lines", "no_format", 1) in findings_of(tmp_path, "access.log", "--nginx-conf", "nginx.conf")


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        (
            "http { access_log /var/log/nginx/access.log main; }\n",
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
        (
            "# log_format main '$remote_addr [$time_local] \"$request\"';\n",
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
        ("root:x:0:0:root:/root:/bin/bash\n", "'nginx.conf' has no log_format directive with a time and a request."),
        ("", "'nginx.conf' has no log_format directive with a time and a request."),
        ("\0\xff" * 99, "'nginx.conf' has no log_format directive with a time and a request."),
        (
            "log_format a '$remote_addr $request';",
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
        ("log_format a '$time_local $status';", "'nginx.conf' has no log_format directive with a time and a request."),
        (
            'log_format a \'{"t":"$time_iso8601",}\';',
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
        (
            'log_format a \'{"t":"$time_iso8601"}\';',
            "'nginx.conf' has no log_format directive with a time and a request.",
        ),
    ],
)
def test_an_nginx_configuration_without_a_usable_format_is_an_error(conf: str, sentence: str, tmp_path: Path) -> None:
    write_log(tmp_path, conf.encode("latin-1"), "nginx.conf")
    write_log(tmp_path, log(PIPED))
    finished = run_in_process(tmp_path, "views", "access.log", "--nginx-conf", "nginx.conf")
    assert finished.stderr.startswith(f"Error: {sentence}")
    assert "\n\n" in finished.stderr  # and what to type
    assert (finished.stdout, finished.exit) == ("", 2)


@pytest.mark.parametrize(("name", "why"), [("missing.conf", "No such file or directory"), (".", "Is a directory")])
def test_an_nginx_configuration_that_cannot_be_read_is_an_error(name: str, why: str, tmp_path: Path) -> None:
    write_log(tmp_path, log(PIPED))
    finished = run_in_process(tmp_path, "views", "access.log", "--nginx-conf", name)
    assert finished.stderr == f"Error: {name!r} cannot be read: {why}.\n\nTry: --nginx-conf /etc/nginx/nginx.conf\n"
    assert finished.exit == 2


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("stream { log_format tcp '$remote_addr [$time_local] $protocol $status'; }", id="of a stream"),
        pytest.param("log_format slow '$remote_addr $upstream_response_time';", id="of upstreams"),
    ],
)
def test_formats_that_are_not_of_access_logs_are_skipped(other: str, tmp_path: Path) -> None:
    write_log(tmp_path, f"{other}\n{CONF}", "nginx.conf")
    write_log(tmp_path, log(PIPED))
    finished = run_in_process(tmp_path, "views", "access.log", "-q", "--nginx-conf", "nginx.conf")
    assert (finished.stdout, finished.exit) == ("page,views,visitors\n/piped,1,1\n", 0)


def test_the_format_may_be_given_by_one_option_only(tmp_path: Path) -> None:
    write_log(tmp_path, CONF, "nginx.conf")
    write_log(tmp_path, log(PIPED))
    finished = run_in_process(tmp_path, "views", "access.log", "--nginx-conf", "nginx.conf", "--log-format", "combined")
    assert finished.stderr.startswith("Error: --log-format and --nginx-conf both define the format.\n")
    assert finished.exit == 2

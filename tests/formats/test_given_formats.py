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
        ("#Fields: date time", "The log format '#Fields: date time' lacks a time or a URL."),
        ("#Fields:", "The log format '#Fields:' lacks a time or a URL."),
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


MINUTE = instant("2026-09-07T10:00:00+00:00")
TENTHS = instant("2026-09-07T10:00:00.120+00:00")


@pytest.mark.parametrize(
    ("template", "line", "expected"),
    [
        pytest.param('%h [%{%d/%b/%Y:%H:%M:%S}t.%{msec_frac}t %{%z}t] "%r"', 'a.example [07/Sep/2026:12:00:00.120 +0200] "GET /p.gif HTTP/1.1"',
                     {"time": TENTHS}, id="milliseconds and offset apart"),
        pytest.param("%{begin:%d/%b/%Y %T}t.%{begin:usec_frac}t %U%q", "07/Sep/2026 10:00:00.120000 /p.gif?e=pv",
                     {"time": TENTHS, "query": "e=pv"}, id="microseconds"),
        pytest.param("%{sec}t.%{msec_frac}t %U%q", "1788775200.120 /p.gif", {"time": TENTHS}, id="seconds and milliseconds"),
        pytest.param("%{sec}t%{msec_frac}t %U%q", "1788775200120 /p.gif", {"time": TENTHS}, id="one number"),
        pytest.param("%{%Y-%m-%d}t %{%H:%M:%S}t %U%q", "2026-09-07 10:00:00 /p.gif", {"time": MINUTE}, id="day and clock"),
        pytest.param("%{sec}t %a %h %{c}a %U%q", "1788775200 203.0.113.7 a.example 10.0.0.1 /p.gif", {"client": "203.0.113.7"}, id="%a, not the peer"),
        pytest.param("%{sec}t %{c}a %U%q", "1788775200 203.0.113.7 /p.gif", {"client": "203.0.113.7"}, id="the peer alone"),
        pytest.param("%{sec}t %{X-Real-IP}i %U%q", "1788775200 203.0.113.7 /p.gif", {"client": "203.0.113.7"}, id="X-Real-IP alone"),
        pytest.param("%{sec}t %{X-Forwarded-For}i %U%q", "1788775200 203.0.113.7 /p.gif", {"client": "203.0.113.7"}, id="X-Forwarded-For alone"),
        pytest.param("%{sec}t %{Foo}^ti %%h %!200,304{Referer}i %{Host}i:%{local}p%U%q", "1788775200 x %h https://a.example/ shop.example:80/p.gif?e=pv",
                     {"referrer": "https://a.example/", "vhost": "shop.example", "path": "/p.gif", "query": "e=pv"}, id="rare directives"),
        pytest.param("%{sec}t %a:%{remote}p %U%q", "1788775200 2001:db8::7:4242 /p.gif", {"client": "2001:db8::7"}, id="Apache's client and port"),
        pytest.param("$msec $remote_addr:$remote_port $request_uri", "1788775200 2001:db8::7:4242 /p.gif", {"client": "2001:db8::7"}, id="client and port"),
        pytest.param("$msec $remote_addr $realip_remote_addr $request_uri", "1788775200 203.0.113.7 10.0.0.1 /p.gif", {"client": "203.0.113.7"}, id="the address behind the proxy"),
        pytest.param("$msec $realip_remote_addr $request_uri", "1788775200 10.0.0.1 /p.gif", {"client": "10.0.0.1"}, id="the proxy alone"),
        pytest.param("$msec $proxy_protocol_addr $request_uri", "1788775200 203.0.113.7 /p.gif", {"client": "203.0.113.7"}, id="PROXY protocol"),
        pytest.param('$msec $remote_addr $request_uri "$http_cf_connecting_ip"', '1788775200 10.0.0.1 /p.gif "203.0.113.7"',
                     {"client": "10.0.0.1", "forwarded_for": "203.0.113.7"}, id="a header beside the client"),
        pytest.param('$msec $remote_addr $request_uri "$http_x_forwarded_for" "$http_x_real_ip"', '1788775200 10.0.0.1 /p.gif "203.0.113.7" "10.0.0.1"',
                     {"forwarded_for": "203.0.113.7"}, id="X-Forwarded-For before X-Real-IP"),
        pytest.param("$msec $http_x_real_ip $http_true_client_ip $request_uri", "1788775200 10.0.0.1 203.0.113.7 /p.gif", {"client": "203.0.113.7"}, id="two headers"),
        pytest.param('$msec "$request_method $scheme://$host$request_uri $server_protocol"', '1788775200 "GET https://shop.example/p.gif?e=pv HTTP/2.0"',
                     {"vhost": "shop.example", "path": "/p.gif", "query": "e=pv", "method": "GET"}, id="a whole address"),
        pytest.param("$msec ${http_host}${uri}$is_args$args", "1788775200 shop.example/p.gif?e=pv", {"vhost": "shop.example", "path": "/p.gif", "query": "e=pv"}, id="host and path"),
        pytest.param("escape=json $msec $request_uri", "1788775200 /p.gif", {"path": "/p.gif"}, id="a parameter in front"),
        pytest.param("log_format main escape=none \'$msec \'\n  \'$request_uri\';", "1788775200 /p.gif", {"path": "/p.gif"}, id="a directive of nginx"),
        pytest.param('LogFormat "%{sec}t %U%q \\"%{User-agent}i\\"" main', '1788775200 /p.gif "Agent"', {"user_agent": "Agent"}, id="a directive of Apache"),
        pytest.param('{"t":"$msec","peer":"$realip_remote_addr","c":"$remote_addr","r":"$request_uri"}', '{"t":"1788775200","peer":"10.0.0.1","c":"203.0.113.7","r":"/p.gif"}',
                     {"client": "203.0.113.7"}, id="a JSON log with the proxy first"),
        pytest.param('{"t":"$msec","c":"$http_x_real_ip","r":"$request_uri"}', '{"t":"1788775200","c":"203.0.113.7","r":"/p.gif"}', {"client": "203.0.113.7"}, id="a JSON log of X-Real-IP"),
    ],
)  # fmt: skip
def test_fields_that_belong_together_or_mean_the_same_are_read(
    template: str, line: str, expected: dict[str, object]
) -> None:
    row = read_given(template, line)
    assert row["rejected"] is None
    assert {name: row[name] for name in expected} == expected


# Of the documentation of nginx and Apache: variables and directives whose values say nothing of what is counted.
OTHER_VARIABLES = """
    $ancient_browser $arg_name $binary_remote_addr $bytes_received $connection $connection_requests $connection_time
    $connections_active $content_length $content_type $cookie_name $date_gmt $date_local $document_root $fastcgi_path_info
    $fastcgi_script_name $geoip_city $geoip_country_code $gzip_ratio $hostname $http2 $http3 $http_accept $https $invalid_referer
    $is_args $is_request_port $jwt_claim_sub $limit_rate $limit_req_status $memcached_key $modern_browser $msie $nginx_version $pid
    $pipe $protocol $proxy_host $proxy_port $proxy_protocol_port $proxy_protocol_server_addr $quic $realip_remote_port
    $realpath_root $remote_user $request_body $request_body_file $request_completion $request_filename $request_length
    $request_port $request_time $scheme $secure_link $sent_http_etag $sent_trailer_x $server_addr $server_protocol
    $session_time $slice_range $spdy $ssi_flags $ssl_cipher $ssl_client_s_dn $ssl_client_verify $ssl_protocol
    $ssl_server_name $ssl_session_id $tcpinfo_rtt $uid_got $uid_set $upstream_addr $upstream_bytes_received
    $upstream_bytes_sent $upstream_cache_last_modified $upstream_cache_status $upstream_connect_time
    $upstream_first_byte_time $upstream_header_time $upstream_http_server $upstream_queue_time $upstream_response_length
    $upstream_response_time $upstream_status $upstream_trailer_x $userid_got $namespace $service_name $req_id
"""
OTHER_DIRECTIVES = """
    %A %{VARNAME}C %D %{VARNAME}e %f %H %{Accept}i %I %k %l %{NOTE}n %{VARNAME}o %{canonical}p %{remote}p %P %{tid}P
    %{hextid}P %R %S %T %{ms}T %{us}T %u %X %{VARNAME}^ti %{VARNAME}^to %400,501{Accept}i %!200,304{Accept}i %{forensic-id}n
    %{SSL_PROTOCOL}x %{c}L %{ratio}n %E
"""


@pytest.mark.parametrize(
    ("template", "others"),
    [
        ('$remote_addr {} [$time_local] {} "$request" "{}" $status {} $body_bytes_sent "$http_user_agent" {}', OTHER_VARIABLES),
        ('%h {} %t {} "%r" "{}" %>s {} %b "%{{User-agent}}i" {}', OTHER_DIRECTIVES),
    ],
    ids=["nginx", "Apache"],
)  # fmt: skip
def test_fields_that_say_nothing_are_skipped(template: str, others: str) -> None:
    line = '203.0.113.7 {} [07/Sep/2026:10:00:00 +0000] {} "GET /p.gif?e=pv HTTP/1.1" "{}" 200 {} 43 "Agent" {}'
    forms = {tuple(formats.select_formats(template.format(*[other] * 5))[0].tokens) for other in others.split()}  # type: ignore[attr-defined]
    assert len(forms) == 1
    row = read_given(
        template.format(*[others.split(maxsplit=1)[0]] * 5), line.format("-", "x", "a [b], c", "0.1", "0.2, 0.3")
    )
    values = ("203.0.113.7", MINUTE, "/p.gif", "e=pv", 200, 43, "Agent", None)
    assert (
        tuple(row[name] for name in ("client", "time", "path", "query", "status", "bytes", "user_agent", "rejected"))
        == values
    )


def test_a_time_with_blanks_may_stand_without_brackets() -> None:
    row = read_given(
        "$remote_addr $time_local $status $request_uri", "203.0.113.7 07/Sep/2026:10:00:00 +0000 200 /p.gif"
    )
    assert (row["time"], row["status"], row["path"]) == (MINUTE, 200, "/p.gif")

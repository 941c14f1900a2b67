"""Snippets work: real servers answer and log the pixel, a real browser sends events, and the program reads them."""

import html
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import polars as pl
import pytest

from pixelstat import formats
from pixelstat.cli.commands.snippet import FILES
from pixelstat.event_streams import build_events
from pixelstat.formats.detection import detect
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.schemas import LINES
from tests.run import run_in_process

PATIENCE = 20  # seconds for what takes a fraction of one
PACKAGES = {"nginx": "nginx-light", "apache2": "apache2-bin", "caddy": "caddy", "chromium": "chromium"}
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
MAIL_PROGRAM = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0"
SNIPPETS = Path(str(formats.__file__)).parent.parent / "data" / "snippets"


def program(name: str) -> str:
    """Where the program is. Without it the test is skipped, or fails where it must not be: under CI."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        missing = f"there is no {name}: apt-get install {PACKAGES[name]}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def snippet(name: str, *options: str) -> str:
    done = run_in_process(Path(), "snippet", name, *options)
    assert (done.exit, done.stderr) == (0, "")
    return done.stdout


# -- the text ----------------------------------------------------------------------------------------------------


def test_the_folder_of_snippets_and_their_names_agree() -> None:
    assert {path.name for path in SNIPPETS.iterdir()} == set(FILES.values())


@pytest.mark.parametrize("name", FILES)
def test_a_snippet_names_the_path_that_is_given(name: str) -> None:
    usual, own = snippet(name), snippet(name, "--path", "/img/s-1.png")
    assert usual.count("/pixel.gif") == own.count("/img/s-1.png") > 0
    assert "pixel.gif" not in own


def test_the_page_holds_the_whole_script() -> None:
    assert f"<script>\n{snippet('javascript')}pixel(" in snippet("html")


def test_an_unknown_snippet_is_an_error_with_the_names() -> None:
    for given in ([], ["iis"]):
        done = run_in_process(Path(), "snippet", *given)
        assert (done.exit, done.stdout) == (2, "")
        assert all(name in done.stderr for name in FILES)
        assert "\\x09" not in done.stderr


@pytest.mark.parametrize(
    "path", ["pixel.gif", "/", "/a b", "/p.gif;", '/"', "/p.gif?e=pv", "/p.gif/", "/%2F", "/$uri", "/p\n"]
)
def test_a_path_that_could_mean_more_than_itself_is_refused(path: str) -> None:
    done = run_in_process(Path(), "snippet", "nginx", "--path", path)
    assert (done.exit, done.stdout) == (2, "")
    assert "Try /img/s.gif" in done.stderr


# -- servers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """A site that is served with the snippet in its server's configuration."""

    address: str
    log: Path
    root: Path

    def lines(self, count: int) -> list[str]:
        """The log's lines, once there are so many: servers log what they have answered."""
        wait_for(lambda: self.log.exists() and self.log.read_bytes().count(b"\n") >= count, f"{count} lines")
        return self.log.read_text().splitlines()

    def requests(self, count: int) -> pl.LazyFrame:
        """REQUESTS out of the log, its format told from its lines."""
        lines = self.lines(count)
        form = detect(lines, formats.load_all_formats())
        assert form
        numbered = {"line": lines, "header": None, "file": str(self.log), "number": range(1, len(lines) + 1)}
        return form.parse(pl.LazyFrame(numbered, schema=LINES))


def wait_for(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"still no {what}"
        time.sleep(0.02)


def nginx(folder: Path, port: int) -> list[str]:
    in_http, in_server = snippet("nginx").replace("/var/log/nginx", str(folder)).split("\n\n")
    scratch = [f"{kind}_temp_path {folder}/scratch;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; default_type text/html; {' '.join(scratch)}\n{in_http}\n"
        f"server {{ listen 127.0.0.1:{port}; root {folder}/site;\n{in_server} }} }}\n"
    )
    return [program("nginx"), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]


def apache(folder: Path, port: int) -> list[str]:
    modules = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
        for name in ("mpm_event", "authz_core", "rewrite", "headers")
    )
    (folder / "apache.conf").write_text(
        f"ServerName localhost\nListen 127.0.0.1:{port}\nPidFile {folder}/pid\nErrorLog {folder}/error.log\n"
        f"DefaultRuntimeDir {folder}\nUser nobody\nGroup nogroup\n{modules}"
        f"<VirtualHost *>\nDocumentRoot {folder}/site\n{snippet('apache').replace('/var/log/apache2', str(folder))}</VirtualHost>\n"
    )
    return [program("apache2"), "-X", "-d", str(folder), "-f", str(folder / "apache.conf")]


def caddy(folder: Path, port: int) -> list[str]:
    site = snippet("caddy").replace("/var/log/caddy/access", f"{folder}/pixel")
    text = f"{{\nadmin off\nstorage file_system {folder}\n}}\nhttp://:{port} {{\nbind 127.0.0.1\n{site}}}\n"
    (folder / "Caddyfile").write_text(text)
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@contextmanager
def served(folder: Path, configured: Callable[[Path, int], list[str]]) -> Iterator[Site]:
    """The site, while a server runs on a port that is free."""
    (folder / "site").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = configured(folder, port)
    with (folder / "server.out").open("wb") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said, env={"HOME": str(folder)})

    def is_up() -> bool:
        assert server.poll() is None, (folder / "server.out").read_text()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_for(is_up, f"answer of {command[0]}")
        yield Site(f"http://127.0.0.1:{port}", folder / "pixel.log", folder / "site")
    finally:
        server.terminate()
        server.wait(PATIENCE)


def ask_server(site: Site, method: str, uri: str, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(site.address.removeprefix("http://"), timeout=PATIENCE)
    connection.request(method, uri, headers={name: value.encode() for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


@pytest.mark.slow
@pytest.mark.parametrize("configured", [nginx, apache, caddy])
def test_a_server_answers_the_pixel_and_logs_what_pixelstat_reads(
    tmp_path: Path, configured: Callable[[Path, int], list[str]]
) -> None:
    sent = {
        "Host": "shop.example", "Referer": "https://shop.example/caf%C3%A9?x=1", "User-Agent": 'Mozilla/5.0 "so" caf\xe9 \\',
        "X-Forwarded-For": "203.0.113.7, 198.51.100.1", "DNT": "1", "Sec-GPC": "1", "Sec-Purpose": "prefetch",
    }  # fmt: skip
    with served(tmp_path, configured) as site:
        answers = []
        for method in ("GET", "HEAD", "POST"):
            answer, content = ask_server(site, method, "/pixel.gif?e=pv&p=%2Fcart", sent)
            assert answer.headers["Cache-Control"] == "no-store"
            answers.append((method, answer.status, len(content)))
        read = site.requests(3).collect()
    image = (200, 43) if configured is nginx else (204, 0)
    assert answers == [("GET", *image), ("HEAD", image[0], 0), ("POST", 204, 0)]
    assert sorted(read.select("method", "status", "bytes").rows()) == sorted(answers)  # threads log in any order
    now = datetime.now(timezone.utc)
    for row in read.iter_rows(named=True):
        assert now - timedelta(seconds=PATIENCE) < row["time"] <= now
        assert (row["rejected"], row["path"], row["query"]) == (None, "/pixel.gif", "e=pv&p=%2Fcart")
        assert (row["client"], row["vhost"], row["referrer"]) == ("127.0.0.1", "shop.example", sent["Referer"])
        assert (row["user_agent"], row["forwarded_for"]) == (sent["User-Agent"], sent["X-Forwarded-For"])
        assert (row["dnt"], row["gpc"], row["purpose"]) == ("1", "1", "prefetch")
    assert read["request_id"].drop_nulls().n_unique() == (3 if configured is nginx else 0)


# -- a browser and a mail program ----------------------------------------------------------------------------------


def visit(folder: Path, address: str) -> None:
    """The page in a browser with a profile of its own, until it has nothing more to do."""
    # An agent that says HeadlessChrome is a bot's.
    subprocess.run(
        [
            program("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
            f"--user-data-dir={folder}/profile", f"--user-agent={BROWSER}", "--virtual-time-budget=5000", "--dump-dom", address,
        ],
        check=True, capture_output=True, timeout=120, env={"HOME": str(folder), "PATH": os.environ["PATH"]},
    )  # fmt: skip


def page(before: str = "") -> str:
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>Kettle</title></head><body>{before}\n{snippet("html")}'
        f"<script>\n{snippet('javascript')}</script>\n"
        '<script>pixel("add_to_cart", {product: "kettle & lid"});\n'
        'pixel("purchase", {order_id: "A17", value: 89.5, currency: "EUR"});</script></body></html>'
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "method"),
    [("", "POST"), ("<script>navigator.sendBeacon = undefined;</script>", "GET")],
    ids=["beacons", "images"],
)
def test_a_visit_becomes_a_funnel(tmp_path: Path, before: str, method: str) -> None:
    program("chromium")
    with served(tmp_path, nginx) as site:
        (site.root / "kettle é.html").write_text(page(before))
        visit(tmp_path, f"{site.address}/kettle%20%C3%A9.html?utm_source=news#reviews")
        events = build_events(site.requests(3), PipelineSettings()).collect().sort("event")
    seen = events.select(
        "event", "method", "page", "host", "utm_source", "product", "order_id", "value", "currency", "rejected"
    )
    where = (method, "/kettle é.html", "127.0.0.1", "news")
    assert seen.rows() == [
        ("add_to_cart", *where, "kettle & lid", None, None, None, None),
        ("page_view", *where, None, None, None, None, None),
        ("purchase", *where, None, "A17", 89.5, "EUR", None),
    ]
    (visitor,) = events["visitor"].unique()
    assert re.fullmatch("v:[0-9a-z]{16,}", visitor)
    report = run_in_process(
        tmp_path, "funnel", "pixel.log", "--steps", "page_view,add_to_cart,purchase", "--format", "csv"
    )
    assert [row.split(",")[:3] for row in report.stdout.splitlines()[1:]] == [
        ["1", "page_view", "1"], ["2", "add_to_cart", "1"], ["3", "purchase", "1"],
    ]  # fmt: skip
    assert run_in_process(tmp_path, "views", "pixel.log", "--format", "csv").stdout.splitlines()[1:] == [
        "/kettle é.html,1,1"
    ]


@pytest.mark.slow
def test_a_browser_without_storage_is_known_by_address_and_agent(tmp_path: Path) -> None:
    program("chromium")
    blocked = "{get: function () { throw new Error('blocked'); }}"
    with served(tmp_path, nginx) as site:
        forbidden = f"<script>Object.defineProperty(window, 'localStorage', {blocked});</script>"
        (site.root / "page.html").write_text(page(forbidden))
        visit(tmp_path, f"{site.address}/page.html")
        events = build_events(site.requests(3), PipelineSettings()).collect()
    (visitor,) = events["visitor"].unique()
    assert visitor.startswith("c:")


@pytest.mark.slow
def test_a_browser_without_scripts_sends_the_view(tmp_path: Path) -> None:
    program("chromium")
    with served(tmp_path, nginx) as site:
        (site.root / "page.html").write_text(page())
        # No scripts run in a sandbox.
        (site.root / "frame.html").write_text('<iframe sandbox="allow-same-origin" src="/page.html"></iframe>')
        visit(tmp_path, f"{site.address}/frame.html")
        events = build_events(site.requests(1), PipelineSettings()).collect()
    assert events.select("event", "method", "page", "host", "rejected").rows() == [
        ("page_view", "GET", "/page.html", "127.0.0.1", None)
    ]


@pytest.mark.slow
def test_an_opened_mail_is_an_open(tmp_path: Path) -> None:
    (source,) = re.findall('<img src="https://shop.example([^"]+)"', snippet("email"))
    uri = html.unescape(source).replace("MESSAGE", "launch").replace("RECIPIENT", "r17")
    with served(tmp_path, nginx) as site:
        answer, _ = ask_server(site, "GET", uri, {"User-Agent": MAIL_PROGRAM})
        events = build_events(site.requests(1), PipelineSettings()).collect()
    assert answer.headers["Content-Type"] == "image/gif"
    assert events.select("event", "message", "recipient", "visitor", "rejected").rows() == [
        ("open", "launch", "r17", "r:r17", None)
    ]

"""pixelstat snippet: what to paste to set a pixel up; each text is a file in `pixelstat/data/snippets`."""

import re
from importlib.resources import files

import click

FILES = {
    "nginx": "nginx.conf",
    "apache": "apache.conf",
    "caddy": "Caddyfile",
    "html": "page.html",
    "email": "email.html",
    "javascript": "pixel.js",
}
PATH = "/pixel.gif"  # the pixel's in every file


def _path(_: click.Context, __: click.Parameter, value: str) -> str:
    """A path that means itself in a configuration, in HTML and in JavaScript."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
        raise click.BadParameter(f"{value!r} is no path of letters, digits and . _ ~ -. Try /img/s.gif.")
    return value


@click.command("snippet", short_help="What to paste to set a pixel up.")
@click.argument("name", type=click.Choice(list(FILES)), metavar="NAME")
@click.option("--path", default=PATH, show_default=True, callback=_path, metavar="PATH", help="The pixel's path.")
def command(name: str, path: str) -> None:
    """What to paste to set a pixel up; comments in it say where.

    \b
    nginx, apache, caddy   answers the pixel's requests and logs them
    html                   sends the page view, also without JavaScript
    javascript             pixel(event, parameters) alone, as a file
    email                  tells that a mail was opened

    Where the path ends in no usual name of a pixel, reports need it too: --pixel PATH.
    """
    text = _text(FILES[name]).replace("// pixel.js\n", _text("pixel.js"))
    click.echo(text.replace(PATH, path), nl=False)


def _text(file: str) -> str:
    return (files("pixelstat.data") / "snippets" / file).read_text("utf-8")

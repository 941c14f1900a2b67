"""Run `pixelstat snippet`: print the text that sets up a pixel. Each text is a file in `pixelstat/data/snippets`."""

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
PATH = "/pixel.gif"  # the pixel's path in every file


def _validate_path(_: click.Context, __: click.Parameter, value: str) -> str:
    """Accept only a path that needs no escaping in a configuration, in HTML and in JavaScript."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
        raise click.BadParameter(f"{value!r} is not a path of letters, digits and . _ ~ -. Try /img/s.gif.")
    return value


@click.command("snippet")
@click.argument("name", type=click.Choice(list(FILES)), metavar="NAME")
@click.option(
    "--path",
    default=PATH,
    show_default=True,
    callback=_validate_path,
    metavar="PATH",
    help="Serve the pixel at this path.",
)
def command(name: str, path: str) -> None:
    """Print the code to paste for a pixel. Comments in the code say where it belongs.

    \b
    nginx, apache, caddy   answers the pixel's requests and logs them
    html                   sends the page view, also without JavaScript
    javascript             pixel(event, parameters) alone, as a file
    email                  records that an email was opened

    If pixelstat does not know the path as a pixel, add `--pixel PATH` to each report.
    """
    text = _read_snippet(FILES[name]).replace("// pixel.js\n", _read_snippet("pixel.js"))
    click.echo(text.replace(PATH, path), nl=False)


def _read_snippet(file: str) -> str:
    """Return the text of a snippet."""
    return (files("pixelstat.data") / "snippets" / file).read_text("utf-8")

"""Run `pixelstat completion`: print the script that makes a shell complete pixelstat's command line."""

import click

from pixelstat.cli.completion import COMMENTS, build_script


@click.command("completion")
@click.argument("shell", type=click.Choice([*COMMENTS]), metavar="SHELL")
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and values in bash, zsh or fish.

    A comment in the script says where to put it.

    \b
    eval "$(pixelstat completion bash)"
    pixelstat completion zsh > ~/.zfunc/_pixelstat
    pixelstat completion fish > ~/.config/fish/completions/pixelstat.fish
    """
    group = ctx.find_root().command
    assert isinstance(group, click.Group)
    click.echo(build_script(group, shell), nl=False)

"""Run `pixelstat help`: list the topics of the manual, show one of them, or show all options of a command."""

import click
from click.shell_completion import CompletionItem

from pixelstat.cli.command_line import COMMANDS, LINES
from pixelstat.cli.manual import list_topic_names, load_topic, load_topics
from pixelstat.errors import PixelstatError, suggest
from pixelstat.terminal import show_markdown


def complete_topic(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the topics and the commands that begin with an incomplete word."""
    summaries = {name: topic.summary for name, topic in load_topics().items()}
    names = {**LINES, **summaries}
    return [CompletionItem(name, help=line) for name, line in names.items() if name.startswith(incomplete)]


@click.command("help")
@click.argument("topic", required=False, metavar="[TOPIC]", shell_complete=complete_topic)
@click.pass_context
def command(ctx: click.Context, topic: str | None) -> None:
    """Show a topic of the manual. Without a topic, list the topics.

    If no topic has the name of a command, show all options of the command.

    \b
    pixelstat help
    pixelstat help columns
    pixelstat help funnel
    """
    if topic is None:
        click.echo(format_topics(ctx))
    elif topic in list_topic_names():
        show_markdown(load_topic(topic).text)
    elif topic in COMMANDS:
        click.echo(render_command_help(ctx, topic))
    else:
        raise explain_unknown_topic(topic)


def format_topics(ctx: click.Context) -> str:
    """Return the list of topics, with one line for each where the terminal is wide enough."""
    formatter = ctx.make_formatter()
    with formatter.section("Topics"):
        formatter.write_dl([(topic.name, topic.summary) for topic in load_topics().values()])
    formatter.write_paragraph()
    formatter.write_text(
        "`pixelstat help TOPIC` shows a topic, `pixelstat COMMAND --help-all` all options of a command."
    )
    return formatter.getvalue().rstrip("\n")


def render_command_help(ctx: click.Context, name: str) -> str:
    """Return the long help page of another command."""
    from pixelstat.cli.help_pages import render_full_help  # it loads Polars, which topics do not need

    root = ctx.find_root()
    assert isinstance(root.command, click.Group)
    other = root.command.get_command(root, name)
    assert other is not None
    return render_full_help(click.Context(other, root, name, **other.context_settings))


def explain_unknown_topic(name: str) -> PixelstatError:
    """Return the error to raise for a word that is neither a topic nor a command."""
    topics = list_topic_names()
    advice = suggest(name, [*topics, *COMMANDS])
    hint = f"Topics: {', '.join(topics)}.\nCommands: {', '.join(COMMANDS)}."
    return PixelstatError(f"There is no help topic {name!r}.{advice}", hint)

"""Complete words of the command line for a shell, with Click's protocol: an environment variable asks for it."""

import os

import click

from pixelstat.errors import Exit, PixelstatError

PROGRAM = "pixelstat"
VARIABLE = "_PIXELSTAT_COMPLETE"

COMMENTS = {  # by shell: where its script belongs
    "bash": """\
# This script completes pixelstat in bash 4.4 or newer. Save it once, and start a new shell:
#     mkdir -p ~/.local/share/bash-completion/completions
#     pixelstat completion bash > ~/.local/share/bash-completion/completions/pixelstat
# Without the package bash-completion, add this line to ~/.bashrc:
#     eval "$(pixelstat completion bash)"
""",
    "zsh": """\
# This script completes pixelstat in zsh. Save it once in a folder of $fpath, and start a new shell:
#     mkdir -p ~/.zfunc
#     pixelstat completion zsh > ~/.zfunc/_pixelstat
# Then ~/.zshrc needs these lines:
#     fpath+=~/.zfunc
#     autoload -Uz compinit && compinit
""",
    "fish": """\
# This script completes pixelstat in fish. Save it once, and start a new shell:
#     pixelstat completion fish > ~/.config/fish/completions/pixelstat.fish
""",
}


def is_completion() -> bool:
    """Return whether a shell asks for completions."""
    return VARIABLE in os.environ


def complete_words(group: click.Group) -> Exit:
    """Answer the shell that asks for completions. A command line that cannot be read has none.

    A request that Click does not know is a wrong command line too.
    """
    try:
        from click.shell_completion import shell_complete

        code = shell_complete(group, {}, PROGRAM, VARIABLE, os.environ[VARIABLE])
    except (PixelstatError, click.ClickException):
        return Exit.USAGE
    return Exit.USAGE if code else Exit.DONE


def build_script(group: click.Group, shell: str) -> str:
    """Return the script that makes a shell complete pixelstat, with a comment on where to put it."""
    from click.shell_completion import get_completion_class

    completer_class = get_completion_class(shell)
    assert completer_class is not None
    completer = completer_class(group, {}, PROGRAM, VARIABLE)
    script = completer.source_template % completer.source_vars()
    first_line, _, rest = script.partition("\n")
    if first_line.startswith("#compdef"):  # zsh reads it only in the first line
        return f"{first_line}\n\n{COMMENTS[shell]}\n{rest.lstrip()}"
    return f"{COMMENTS[shell]}\n{script}"

"""Load the topics of the manual: each is a Markdown file in `pixelstat/manual`, and the folder is the list of them."""

import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

FOLDER = files("pixelstat") / "manual"
ENDING = ".md"


@dataclass(frozen=True)
class Topic:
    """A topic of the manual. Its text begins with a line `# Title`, and the next paragraph with a summary."""

    name: str
    title: str
    summary: str  # one sentence
    text: str  # Markdown


def list_topic_names(folder: Traversable = FOLDER) -> list[str]:
    """Return the names of all topics in the order of the alphabet."""
    return sorted(file.name.removesuffix(ENDING) for file in folder.iterdir() if file.name.endswith(ENDING))


def load_topics(folder: Traversable = FOLDER) -> dict[str, Topic]:
    """Return all topics by their names."""
    return {name: load_topic(name, folder) for name in list_topic_names(folder)}


def load_topic(name: str, folder: Traversable = FOLDER) -> Topic:
    """Return the topic of this name, which must exist."""
    text = (folder / f"{name}{ENDING}").read_text("utf-8")
    title, _, body = text.partition("\n")
    paragraph = " ".join(body.strip().partition("\n\n")[0].split())
    summary = re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]
    return Topic(name, title.removeprefix("# ").strip(), summary, text)

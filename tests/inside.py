"""Runs the program in this process: the same command line and the same ends, without the third of a second of a start."""

import contextlib
import os
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from unittest.mock import patch

from pixelstat.cli import main
from tests.program import ENVIRONMENT, Ended


def inside(folder: Path, *arguments: str | bytes, stdin: bytes = b"") -> Ended:
    """The program's end, with the folder as its working directory. Only signals are not its own here."""
    given = TextIOWrapper(BytesIO(stdin), "utf-8")
    out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
    code: object = None
    with (
        contextlib.chdir(folder),
        patch.dict(os.environ, ENVIRONMENT),
        patch.multiple(sys, stdin=given, stdout=out, stderr=err),
        patch.object(main, "_leave_on_signals"),
    ):
        try:
            main.main([os.fsdecode(argument) for argument in arguments])
        except SystemExit as left:
            code = left.code
        out.flush()
        err.flush()
    assert isinstance(code, int)
    return Ended(_content(out), _content(err), code)


def _content(text: TextIOWrapper) -> str:
    stream = text.detach()
    assert isinstance(stream, BytesIO)
    return stream.getvalue().decode()

"""Load the project's key: 32 random bytes that pseudonyms are made with, the same in every run.

The file of --key holds it, else `.pixelstat.key` beside pixelstat.toml, else a file in the user's data folder, as 64
hexadecimal digits. It is created when it is first needed. A key that others may read is refused, because they could
find out who is behind a pseudonym.
"""

import os
import re
import secrets
import shlex
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pixelstat.errors import PixelstatError, unreadable_file

KEY_FILE_NAME = ".pixelstat.key"
KEY_HINT = "Name another file with --key. A new key changes all pseudonyms."


def key_path(named: str | None, config_path: Path | None) -> Path:
    """Return the path of the key, whether it exists or not.

    `named` is the file of --key, `config_path` the path of pixelstat.toml. Raises PixelstatError for a user without a
    home folder.
    """
    if named is not None:
        return Path(named)
    if config_path is not None:
        return config_path.parent / KEY_FILE_NAME
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    try:
        data = (
            data if data.is_absolute() else Path.home() / ".local" / "share"
        )  # the XDG specification ignores relative paths
    except RuntimeError as error:
        raise PixelstatError(
            "There is no home folder to store the key in.", "Name a file for it: --key FILE"
        ) from error
    return data / "pixelstat" / "key"


def load_or_create(path: Path, tell: Callable[[str], None]) -> bytes:
    """Return the key in this file. Create a missing one and report it with `tell`. Raises PixelstatError."""
    try:
        if not path.exists() and _create_key(path):
            tell(f"Created the key of pseudonyms: {path}. Keep it, and keep it secret.")
    except OSError as error:
        hint = "Name a file that you can write: --key FILE"
        raise PixelstatError(f"The key {path} cannot be created: {error.strerror}.", hint) from error
    return load_key(path)


def load_key(path: Path) -> bytes:
    """Return the key in this file. Raises PixelstatError for a missing, an invalid or a publicly readable one."""
    try:
        mode = path.stat().st_mode
        content = path.read_bytes() if stat.S_ISREG(mode) and path.stat().st_size < 1_000 else b""
    except OSError as error:
        raise unreadable_file(f"The key {path}", error, KEY_HINT) from error
    if not re.fullmatch(rb"[0-9a-fA-F]{64}\s*", content):
        raise PixelstatError(f"{path} is not a key: it must contain 64 hexadecimal digits.", KEY_HINT)
    if mode & 0o077:
        raise PixelstatError(f"Other users can read the key {path}.", f"Try: chmod 600 {shlex.quote(str(path))}")
    return bytes.fromhex(content.decode())


def _create_key(path: Path) -> bool:
    """Create the key and return whether this run created it. Of several runs at once, one creates the complete file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f"{KEY_FILE_NAME}.", dir=path.parent)  # with mode 600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{secrets.token_hex(32)}\n")
            file.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            Path(path).hardlink_to(temporary)
            return True
        return False
    finally:
        Path(temporary).unlink()

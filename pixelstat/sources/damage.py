"""Describe why a file cannot be read to its end."""

import lzma
import sys
import zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Exceptions that a damaged file or archive raises.
DAMAGE_ERRORS = (EOFError, OSError, zlib.error, zstd.ZstdError, lzma.LZMAError)


class UnreadableArchiveError(OSError):
    """An archive that pixelstat cannot read completely. The message says why, with `it` as its subject."""


def describe_damage(error: BaseException) -> str:
    """Return the damage that one of DAMAGE_ERRORS means, as a clause about `it`, the file."""
    if isinstance(error, UnreadableArchiveError):
        return str(error)
    if isinstance(error, EOFError):
        return "it ends in the middle of the archive"
    return f"it is damaged ({error})" if str(error) else "it is damaged"

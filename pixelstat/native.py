"""What was compiled when pixelstat was installed; None where nothing was."""

try:
    from pixelstat import _plain
except ImportError:
    _plain = None  # type: ignore[assignment]

plain = _plain

"""Import the extension; `native` is None where pixelstat was installed without a C compiler."""

try:
    from pixelstat.fastpath import _native
except ImportError:
    _native = None  # type: ignore[assignment]

native = _native

"""Read the simple lines of text logs natively, in one pass, where a C compiler was there at installation.

Most lines of most logs are simple: they fit their format from end to end and ask for the house pixel or for no pixel.
Nothing in them is escaped, a macro, a payload, or a value that should be a number and is not. The extension reads them
at a tenth of the price of expressions.

What this folder promises:

- The figures are the same with and without it, and a test compares both. It decides nothing: it asks the protocols
  which paths are pixels. A line that is not simple goes through formats/ and protocols/ and keeps its place.
- It may be missing. `compile_reader` returns None for a format that it cannot read and wherever nothing was compiled.
- Nobody else imports the extension.
"""

from pixelstat.fastpath.line_rules import LineRules
from pixelstat.fastpath.reader import Reader, compile_reader
from pixelstat.fastpath.request_hash import hash_requests

__all__ = ["LineRules", "Reader", "compile_reader", "hash_requests"]

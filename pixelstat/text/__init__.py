"""Small parsers of text: no frames, no Click."""

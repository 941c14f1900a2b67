"""Small parsers and formatters of text that know neither frames nor Click."""

"""The command line: the only folder that runs Click."""

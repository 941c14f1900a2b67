"""`python -m pixelstat` is `pixelstat`."""

from pixelstat.cli.main import program

if __name__ == "__main__":
    program()

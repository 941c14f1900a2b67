"""`python -m pixelstat` is `pixelstat`."""

from pixelstat.cli import main

if __name__ == "__main__":
    main()

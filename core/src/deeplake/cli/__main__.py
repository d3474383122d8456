"""``python -m deeplake.cli``."""

import sys

from deeplake.cli.program import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())

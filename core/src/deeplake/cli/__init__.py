"""The command ``deeplake``. Its own subcommands are plugins of the kind ``command``, as others are.

Exit codes: 0, it was done; 1, it could not be done (the reason is on stderr), or what was checked is
not as it should be; 2, the command line makes no sense; 130, interrupted.
"""

from deeplake.cli.program import main

__all__ = ["main"]

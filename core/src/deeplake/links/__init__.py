"""Files that are not in a dataset: what may be read, how it is fetched, what it must still be.

=================  =============================================================
``policy``         which schemes, addresses, sizes and times are allowed
``source``         one file somewhere: its size and version, its bytes, ranges of them
``local``          files of this machine
``web``            HTTP and HTTPS
``connection``     connections to addresses that were checked, with deadlines
``stores``         storage plugins, and any file system of fsspec
``opening``        from a URL and credentials to a source
``file``           a source as a seekable file that reads the ranges it needs
=================  =============================================================

Nothing here knows datasets: :mod:`deeplake.dataset` stores links, and reads them through this package.
"""

from deeplake.links.file import RangeFile
from deeplake.links.local import FLAGS, read_local
from deeplake.links.opening import Opener, open_file, read_bytes
from deeplake.links.policy import Policy
from deeplake.links.source import Source, Stat, shown

__all__ = [
    "FLAGS", "Opener", "Policy", "RangeFile", "Source", "Stat", "open_file", "read_bytes", "read_local",
    "shown",
]  # fmt: skip

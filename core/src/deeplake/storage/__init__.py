"""Where bytes live: the stores that come with the kernel, and how paths name them.

=================  =============================================================
``local``          a directory of files (``file``), durable against power loss
``directories``    its directories: made durable, walked, removed
``memory``         named stores of this process (``mem``)
``cache``          what was read from far away, in memory and on disk
``filesystem``     everything that fsspec knows (``az``, ``hf``, ``sftp``, ``https`` …)
``guard``          what stands before stores that cannot keep several writers apart
``opening``        from a URL to a store
``url``            what a path says: scheme, address of a version, dataset name
=================  =============================================================

Nothing is imported here: a store's module is loaded when its scheme is first used.
"""

__all__: list[str] = []

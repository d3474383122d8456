"""Loading batches for training: ``ds.dataloader()`` and ``ds.pytorch(…)``.

One room for each question::

    spec        what was asked for
    plan        which rows come when                     pure
    fetch       rows -> arrays of each tensor            one snapshot, any number of threads
    assembly    arrays -> transformed, collated batches
    pipeline    who does it, and how far ahead           threads
    frameworks  what a batch looks like to the user      plugins; NumPy is built in
    loader      the fluent API                           ds.dataloader()
    classic     one call                                 ds.pytorch()
"""

__all__: list[str] = []

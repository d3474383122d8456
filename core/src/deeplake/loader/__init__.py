"""Loading batches for training: ``ds.dataloader()`` and ``ds.pytorch(…)``.

One room for each question::

    spec        what was asked for
    steps       the fluent API: rows, order, batches     ds.dataloader()
    modes       … and the framework                      .numpy() .pytorch() .tensorflow() .jax()
    loader      a loader: steps, epochs, state
    classic     a loader in one call                     ds.pytorch()
    kinship     what `isinstance` says of it
    snapshot    tensors and rows at one moment
    choice      which rows, by query or by weight
    plan        which rows come when                     pure
    mixing      how well that mixes them
    schedule    which epoch comes next, from where on
    fetch       rows -> arrays of one tensor             any number of threads
    picture     … of images that decoders crop
    assembly    arrays -> transformed, collated batches
    unit        batches as pieces of work
    prefetch    what units will read from far away
    executor    who does them: threads or processes
    pipeline    threads, in order and within bounds
    workers     processes, in order and within bounds
    pickling    what they are told, as bytes
    interrupt   Ctrl-C at a good moment
    epoch       the iterator over batches
    frameworks  what a batch looks like to the user      plugins; NumPy is built in
"""

__all__: list[str] = []

"""Weights & Biases: which data a run has used, in the run's configuration.

Deep Lake 3 recorded that whenever something was read; here it is recorded when it is asked for.
"""

from __future__ import annotations

import sys
from typing import Any

from deeplake.dataset.dataset import Dataset
from deeplake.errors import ModuleNotInstalledException


def record(dataset: Dataset, run: Any = None) -> dict[str, Any]:
    """Write into a run's configuration which dataset, version and rows it uses.

    Args:
        dataset: Dataset or view. What is not committed has no name: commit first.
        run: The run; None: the one that is under way, ``wandb.run``.

    Returns:
        What was written under the key ``"deeplake"``: ``path``, ``branch``, ``commit_id``, ``query`` (of
        a view that a query made) and ``rows``.

    Raises:
        ModuleNotInstalledException: ``run`` is not given, and wandb is not imported.
        ValueError: ``run`` is not given, and none is under way.
    """
    if run is None:
        wandb = sys.modules.get("wandb")
        if wandb is None:
            raise ModuleNotInstalledException(
                "no run was given, and wandb is not imported: pip install wandb, and wandb.init()"
            )
        run = wandb.run
        if run is None:
            raise ValueError("no run is under way: call wandb.init() first, or pass run=")
    used = {
        "path": dataset.path,
        "branch": dataset.branch,
        "commit_id": dataset.commit_id,
        "query": dataset._query,
        "rows": len(dataset),
    }
    run.config.update({"deeplake": used}, allow_val_change=True)
    return used


__all__ = ["record"]

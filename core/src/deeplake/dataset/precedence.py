"""Which wins where an attribute of ``Dataset`` and a tensor have the same name.

Names that scripts for Deep Lake 3 know as attributes are reserved: no tensor can have them. What we
added since gives way: a script with a tensor ``tags`` works, and there ``ds.tags`` is that tensor.
"""

from __future__ import annotations

from inspect import getattr_static
from typing import Any, Final

KNOWN: Final = frozenset(
    """
    append extend update pop create_tensor create_tensor_like create_group delete_tensor
    delete_group rename_tensor rename_group clear_cache flush maybe_flush tensors groups num_samples
    max_len min_len min_view max_view info meta summary size_approx read_only allow_delete path
    token
    set_token org_id public verbose username parent root no_view_dataset is_view is_optimized
    sample_indices group_index index delete rename copy rechunk random_split filter query sample_by
    pytorch tensorflow dataloader commit checkout branches branch commits commit_id
    pending_commit_id
    log diff merge reset fix_vc get_commit_details delete_branch is_head_node has_head_changes
    add_creds_key populate_creds update_creds_key get_creds_keys get_managed_creds_keys connect
    visualize save_view get_view get_views load_view delete_view
    """.split()  # noqa: SIM905 - a list of so many names is harder to read
)
"""Attributes of a dataset that scripts know; some of them come with later versions of ours."""


class GivesWay:
    """An attribute that a tensor or group of its name hides.

    Args:
        name: Its name.
        attribute: What it is in the class: a function or a property.
    """

    def __init__(self, name: str, attribute: Any) -> None:
        self._name = name
        self._attribute = attribute
        self.__doc__ = attribute.__doc__

    def __get__(self, dataset: Any, owner: type) -> Any:
        if dataset is not None and dataset._has(self._name):
            return dataset._by_name(self._name)
        return self._attribute.__get__(dataset, owner)


def reserve(cls: type) -> frozenset[str]:
    """Make the public attributes of a class that are new give way, and return the other names."""
    ours = [name for name in dir(cls) if not name.startswith("__")]
    for name in ours:
        if not name.startswith("_") and name not in KNOWN:
            setattr(cls, name, GivesWay(name, getattr_static(cls, name)))
    return KNOWN.union(name for name in ours if name.startswith("_"))


__all__ = ["KNOWN", "GivesWay", "reserve"]

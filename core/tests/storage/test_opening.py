"""What is said before a store is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import deeplake


@pytest.mark.parametrize("creds", [{"creds_key": "lab"}, {"creds_key": "lab", "region": "eu-1"}])
def test_managed_credentials_need_a_service(tmp_path: Path, creds: dict[str, Any]) -> None:
    path = str(tmp_path / "ds")
    for call in (deeplake.empty, deeplake.load, deeplake.dataset, deeplake.exists):
        with pytest.raises(
            ValueError, match=r"'creds_key': …} stands for credentials that a service"
        ):
            call(path, creds=creds, org_id="us")
    assert not Path(path).exists()

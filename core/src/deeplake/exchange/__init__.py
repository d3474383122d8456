"""Data of other formats: made datasets (``ingest``), and datasets as files (``export``)."""

__all__: list[str] = []

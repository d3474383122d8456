"""Running functions over many items: the executors of the kernel."""

__all__: list[str] = []

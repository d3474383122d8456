"""What plugin authors test with: contract suites, hypothesis strategies, stores that misbehave.

Import the module you need (``from deeplake.testing.store import StoreContract``): each needs its
own libraries, and this package loads none of them.
"""

__all__: list[str] = []

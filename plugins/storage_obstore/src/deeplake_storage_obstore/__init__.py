"""What the stores of S3 and Google Cloud Storage share: obstore, a client written in Rust.

It releases the GIL and costs a tenth of the CPU time of clients in Python. The plugins that use it say
which bucket, with which credentials; everything else is here.
"""

from deeplake_storage_obstore.client import Method
from deeplake_storage_obstore.store import ObstoreStore, Opener

__all__ = ["Method", "ObstoreStore", "Opener"]

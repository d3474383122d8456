"""What the kernel brings itself, and what is installed with an extra.

Strings only: nothing here is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Mapping

CORE = "deeplake-core"
"""Distribution of the kernel."""

BUILTINS: Mapping[str, Mapping[str, str]] = {
    "storage": {
        "file": "deeplake.storage.local:LocalStorage",
        "mem": "deeplake.storage.memory:Memory",
    },
    "codec": {
        "raw": "deeplake.format.codecs:Raw",
        "zlib": "deeplake.format.codecs:Zlib",
    },
    "htype": {},
    "command": {
        "info": "deeplake.cli:Info",
        "plugins": "deeplake.cli:Plugins",
        "reporting": "deeplake.cli:Reporting",
        "summary": "deeplake.cli:Summary",
    },
}
"""Kind -> key -> entry point of the kernel's own plugin."""

EXTRAS: Mapping[str, Mapping[str, str]] = {
    "storage": {
        "s3": "s3",
        **dict.fromkeys(("gs", "gcs", "gcp"), "gcs"),
        **dict.fromkeys(("az", "azure", "abfs", "abfss"), "azure"),
    },
    "codec": {
        **dict.fromkeys(("lz4", "zstd"), "codecs"),
        **dict.fromkeys(("bmp", "dib", "eps", "fli", "gif", "ico", "im", "mpo", "msp"), "codecs"),
        **dict.fromkeys(("jpeg", "jpg", "jpeg2000", "jp2", "pcx", "png", "ppm"), "codecs"),
        **dict.fromkeys(("sgi", "tga", "tiff", "tif", "webp", "wmf", "xbm"), "codecs"),
        **dict.fromkeys(("flac", "mp3", "wav"), "audio"),
        **dict.fromkeys(("avi", "mkv", "mp4"), "video"),
    },
    "framework": {"torch": "torch", "tensorflow": "tf", "jax": "jax"},
    "query": {"tql": "tql"},
    "sampler": {"weighted": "sampling"},
    "executor": {"ray": "ray"},
}
"""Kind -> key -> extra of the kernel's distribution that installs a provider."""

__all__ = ["BUILTINS", "CORE", "EXTRAS"]

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
        "fsspec": "deeplake.storage.filesystem:FileSystem",
        "mem": "deeplake.storage.memory:Memory",
    },
    "codec": {
        "raw": "deeplake.format.codecs:Raw",
        "zlib": "deeplake.format.codecs:Zlib",
    },
    "htype": {
        "generic": "deeplake.format.htypes:Generic",
        "image": "deeplake.format.htypes:Image",
        "image.rgb": "deeplake.format.htypes:ImageRgb",
        "image.gray": "deeplake.format.htypes:ImageGray",
        "class_label": "deeplake.format.htypes:ClassLabel",
        "tag": "deeplake.format.htypes:Tag",
        "bbox": "deeplake.format.htypes:Bbox",
        "bbox.3d": "deeplake.format.htypes:Bbox3d",
        "intrinsics": "deeplake.format.htypes:Intrinsics",
        "segment_mask": "deeplake.format.htypes:SegmentMask",
        "binary_mask": "deeplake.format.htypes:BinaryMask",
        "instance_label": "deeplake.format.htypes:InstanceLabel",
        "keypoints_coco": "deeplake.format.htypes:KeypointsCoco",
        "point": "deeplake.format.htypes:Point",
        "polygon": "deeplake.format.htypes:Polygon",
        "text": "deeplake.format.htypes:Text",
        "json": "deeplake.format.htypes:Json",
        "list": "deeplake.format.htypes:List",
        "embedding": "deeplake.format.htypes:Embedding",
        "video": "deeplake.format.htypes:Video",
        "audio": "deeplake.format.htypes:Audio",
        "dicom": "deeplake.format.htypes:Dicom",
        "nifti": "deeplake.format.htypes:Nifti",
        "point_cloud": "deeplake.format.htypes:PointCloud",
        "mesh": "deeplake.format.htypes:Mesh",
    },
    "framework": {
        "numpy": "deeplake.loader.frameworks:Numpy",
    },
    "sampler": {
        "weighted": "deeplake.dataset.weighted:Weighted",
    },
    "executor": {
        "processed": "deeplake.compute.executors:Processed",
        "serial": "deeplake.compute.executors:Serial",
        "threaded": "deeplake.compute.executors:Threaded",
    },
    "ingest": {
        "coco": "deeplake.exchange.coco:Coco",
        "csv": "deeplake.exchange.tables:Csv",
        "dataframe": "deeplake.exchange.dataframe:Dataframe",
        "export": "deeplake.exchange.exported:ExportedFolder",
        "folders": "deeplake.exchange.folders:Folders",
        "huggingface": "deeplake.exchange.huggingface:Huggingface",
        "jsonl": "deeplake.exchange.tables:Jsonl",
        "yolo": "deeplake.exchange.yolo:Yolo",
    },
    "viewer": {
        "page": "deeplake.dataset.page:Page",
    },
    "command": {
        "bench": "deeplake.cli.measuring:Bench",
        "branch": "deeplake.cli.history:Branch",
        "completion": "deeplake.cli.completion:Completion",
        "copy": "deeplake.cli.care:Copy",
        "diff": "deeplake.cli.history:Diff",
        "export": "deeplake.cli.exchanging:Export",
        "gc": "deeplake.cli.care:Gc",
        "info": "deeplake.cli.contents:Info",
        "ingest": "deeplake.cli.exchanging:Ingest",
        "log": "deeplake.cli.history:Log",
        "login": "deeplake.cli.account:Login",
        "logout": "deeplake.cli.account:Logout",
        "ls": "deeplake.cli.contents:Ls",
        "merge": "deeplake.cli.history:Merge",
        "new-plugin": "deeplake.cli.authoring:NewPlugin",
        "optimize": "deeplake.cli.care:Optimize",
        "plugins": "deeplake.cli.installation:Plugins",
        "query": "deeplake.cli.querying:Query",
        "register": "deeplake.cli.account:Register",
        "reporting": "deeplake.cli.installation:Reporting",
        "summary": "deeplake.cli.contents:Summary",
        "tag": "deeplake.cli.history:Tag",
        "verify": "deeplake.cli.care:Verify",
    },
}
"""Kind -> key -> entry point of the kernel's own plugin."""

EXTRAS: Mapping[str, Mapping[str, str]] = {
    "storage": {
        "s3": "s3",
        **dict.fromkeys(("gs", "gcs", "gcp"), "gcs"),
    },
    "codec": {
        **dict.fromkeys(("lz4", "zstd"), "codecs"),
        **dict.fromkeys(("bmp", "dib", "fli", "gif", "ico", "mpo", "msp"), "codecs"),
        **dict.fromkeys(("jpeg", "jpg", "jpeg2000", "jp2", "pcx", "png", "ppm"), "codecs"),
        **dict.fromkeys(("sgi", "tga", "tiff", "tif", "webp", "xbm"), "codecs"),
        **dict.fromkeys(("flac", "mp3", "wav"), "audio"),
        **dict.fromkeys(("avi", "mkv", "mp4"), "video"),
        **dict.fromkeys(("dcm", "nii", "nii.gz"), "medical"),
        **dict.fromkeys(("las", "ply"), "points"),
        "stl": "codecs",
    },
    "framework": {"torch": "torch", "tensorflow": "tf", "jax": "jax"},
    "query": {"tql": "tql"},
    "sampler": dict.fromkeys(("balanced", "stratified"), "sampling"),
}
"""Kind -> key -> extra of the kernel's distribution that installs a provider."""

__all__ = ["BUILTINS", "CORE", "EXTRAS"]

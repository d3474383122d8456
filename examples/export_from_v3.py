"""Write a dataset of Deep Lake 3 as JSON lines and files.

`python export_from_v3.py ./old ./exported` runs in the environment of the old version, and uses
nothing that the new one has not, too.
"""

import json
import pathlib
import sys

import deeplake


def main(source: str, target: str) -> None:
    src, out = deeplake.load(source, read_only=True), pathlib.Path(target)
    out.mkdir()
    with open(out / "rows.jsonl", "w", encoding="utf-8") as table:
        for i in range(len(src)):
            row = {}
            for name, tensor in src.tensors.items():
                compression = tensor.meta.sample_compression
                if compression in ("jpeg", "png"):
                    file = f"{name.replace('/', '_')}-{i:08d}.{compression}"
                    (out / file).write_bytes(tensor[i].tobytes())
                    row[name] = file
                elif tensor.htype == "class_label":
                    row[name] = tensor[i].data()["text"][0]
                elif tensor.htype in ("text", "json"):
                    row[name] = tensor[i].data()["value"]
                else:
                    row[name] = tensor[i].numpy().tolist()
            table.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

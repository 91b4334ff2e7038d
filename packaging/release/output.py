"""The folder that the packages are written to."""

import shutil
import sys

# Its presence says that this script made the folder, and may empty it. It is hidden, so the workflow
# does not upload it.
MARKER = ".made-by-scripts-package"


def prepare(out, empty):
    """Creates the folder. With `empty`, removes what is in it, if this script made the folder."""
    is_new = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if empty and not is_new:
        if not (out / MARKER).is_file():
            sys.exit(
                f"error: {out} contains files, and scripts/package did not make this folder\n"
                "help: name a new folder with --out, or remove this one yourself"
            )
        shutil.rmtree(out)
        is_new = True
    out.mkdir(parents=True, exist_ok=True)
    if is_new:
        (out / MARKER).touch()

"""The executable of a target, and the archive with its manual pages and shell completions."""

import gzip
import io
import os
import subprocess
import tarfile
import time
import zipfile

from .project import LICENSES, ROOT, manifest, run, target_folder, timestamp

# The shells, and the names under which they look for the scripts of a command.
COMPLETIONS = {"bash": "mcpo.bash", "fish": "mcpo.fish", "zsh": "_mcpo"}


def build(target):
    """Builds the executable. Returns its path."""
    run("cargo", "build", "--locked", "--profile", "dist", "--target", target.triple, "-p", "mcpo")
    return target_folder() / target.triple / "dist" / target.executable


def man_pages(out):
    """Writes the manual pages with the test that checks them."""
    folder = out / "man"
    folder.mkdir(exist_ok=True)
    run("cargo", "test", "--locked", "--quiet", "-p", "mcpo", "--bin", "mcpo", "man_pages",
        env=os.environ | {"MAN_PAGES": str(folder)})
    if not (folder / "mcpo.1").is_file():
        raise SystemExit("error: the test man_pages wrote no pages")


def pack(target, executable, out):
    """Writes the archive of a target: a folder with the executable and what belongs to it."""
    folder = f"mcpo-{target.triple}"
    files = [(f"{folder}/{target.executable}", executable, 0o755)]
    files += [(f"{folder}/{name}", ROOT / name, 0o644) for name in LICENSES]
    files.append((f"{folder}/README.md", ROOT / "packaging/README.md", 0o644))
    if "windows" not in target.triple:
        pages = sorted((out / "man").glob("*.1"))
        if not pages:
            raise SystemExit(f"error: no manual pages in {out / 'man'}\nhelp: run the step man first")
        files += [(f"{folder}/man/{page.name}", page, 0o644) for page in pages]
    files = [(name, path.read_bytes(), mode) for name, path, mode in files]
    if "windows" not in target.triple:
        for shell, name in COMPLETIONS.items():
            files.append((f"{folder}/completions/{name}", completions(executable, shell), 0o644))
    archive = out / target.archive
    if archive.suffix == ".zip":
        write_zip(archive, files)
    else:
        archive.write_bytes(tar_gz(files))
    print(f"{archive.name}: {archive.stat().st_size / 1e6:.1f} MB, version {manifest()['version']}")


def completions(executable, shell):
    """Returns the script that connects a shell with the `mcpo` on its PATH."""
    command = {"args": ["mcpo"], "executable": executable, "env": os.environ | {"COMPLETE": shell}}
    return subprocess.run(**command, check=True, capture_output=True).stdout


def tar_gz(files, folders=()):
    """Returns a compressed archive that depends only on its files. Folders are (name, mode)."""
    packed = io.BytesIO()
    # gzip's header contains a time.
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed:
        with tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, mode in folders:
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, mode, timestamp()
                archive.addfile(entry)
            for name, content, mode in files:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(content), mode, timestamp()
                archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def write_zip(path, files):
    written = time.gmtime(timestamp())[:6]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in files:
            entry = zipfile.ZipInfo(name, written)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def executable_of(target, out):
    """Returns the executable in the archive of a target as bytes."""
    archive, name = out / target.archive, f"mcpo-{target.triple}/{target.executable}"
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            return packed.read(name)
    with tarfile.open(archive) as packed:
        return packed.extractfile(name).read()


def present(targets, out):
    """Returns the targets whose archive exists. Fails if there are none."""
    found = [target for target in targets if (out / target.archive).is_file()]
    if not found:
        raise SystemExit(f"error: there is no archive in {out}\nhelp: run the step archive first")
    return found

"""What all steps share: folders, the version, the targets, and how commands run."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
NAME = "mcpo-cli"
LICENSES = ["LICENSE-APACHE", "LICENSE-MIT"]


@dataclass(frozen=True)
class Target:
    """A platform, from targets.json."""

    triple: str
    npm: dict
    # The platform tags of the wheel, if the executable needs no library of the system.
    wheel: tuple = ()
    oci: str | None = None

    @property
    def executable(self):
        return "mcpo.exe" if "windows" in self.triple else "mcpo"

    @property
    def archive(self):
        return f"mcpo-{self.triple}" + (".zip" if "windows" in self.triple else ".tar.gz")

    @property
    def npm_name(self):
        return f"{NAME}-{self.npm['os']}-{self.npm['cpu']}"


def targets():
    for entry in json.loads((PACKAGING / "targets.json").read_text(encoding="utf-8")):
        yield Target(entry["target"], entry["npm"], tuple(entry.get("wheel", ())), entry.get("oci"))


def target(triple):
    for known in targets():
        if known.triple == triple:
            return known
    sys.exit(f"error: unknown target {triple}\nhelp: use one of targets.json")


def default_target():
    """Returns the target for this machine: musl on Linux, because its executables run anywhere."""
    host = run("rustc", "--print", "host-tuple", output=True).strip()
    return target(host.replace("-gnu", "-musl"))


def run(*command, output=False, **options):
    """Runs a command in the checkout. A failure ends this program."""
    command = [str(word) for word in command]
    options.setdefault("cwd", ROOT)
    if output:
        options |= {"stdout": subprocess.PIPE, "text": True}
    finished = subprocess.run(command, **options)
    if finished.returncode:
        sys.exit(f"error: {' '.join(command)} exited with {finished.returncode}")
    return finished.stdout if output else None


@cache
def manifest():
    """Returns cargo's description of the crate `mcpo`."""
    text = run("cargo", "metadata", "--no-deps", "--format-version", "1", output=True)
    return next(package for package in json.loads(text)["packages"] if package["name"] == "mcpo")


def version():
    return manifest()["version"]


def repository():
    """Returns the URL of the repository, without a slash at the end, or None if nothing names it."""
    url = os.environ.get("MCPO_REPOSITORY") or manifest()["repository"]
    return url.rstrip("/") if url else None


def remove_stale(folder, pattern, current):
    """Removes the packages of other versions, so that they are neither tested nor published."""
    for path in folder.glob(pattern):
        if current not in path.name:
            path.unlink()


def target_folder():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def timestamp():
    """Returns the time of the commit in seconds, so that the same commit gives the same archives."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or run("git", "log", "-1", "--format=%ct", output=True))


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")

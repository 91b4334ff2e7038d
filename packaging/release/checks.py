"""Installs the packages without a network, as users do, and probes a server with each."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from . import image, npm, sample_server
from .project import NAME, default_target, run, version

# The limits that docs/releasing.md names: seconds from an installation to the end of a probe, and
# bytes of a wheel.
SECONDS, WHEEL_SIZE = 10, 12_000_000


def run_all(out):
    checks = [wheel, npm_packages]
    # Homebrew installs nothing on Windows.
    if any(out.glob("mcpo-*.tar.gz")):
        checks.append(formula)
    if sys.platform != "win32":
        checks.append(installer)
    if default_target().oci:
        checks.append(scratch_image)
    with sample_server.running() as url:
        for check in checks:
            with tempfile.TemporaryDirectory() as folder:
                print(f"{check.__name__}: {check(out, Path(folder), url)}")


def installer(out, folder, url):
    """install.sh installs the archive, and nothing if a byte of it changed."""
    installed = folder / "bin/mcpo"
    script = ["sh", out / "install.sh", "--to", folder / "bin"]
    run(*script, "--from", out)
    probe([installed], url)
    installed.unlink()
    damaged = folder / "damaged"
    damaged.mkdir()
    shutil.copy(out / "SHA256SUMS", damaged)
    archive = default_target().archive
    content = bytearray((out / archive).read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / archive).write_bytes(content)
    failed = subprocess.run([*script, "--from", damaged], capture_output=True, text=True)
    if failed.returncode == 0 or "checksum" not in failed.stderr or installed.exists():
        sys.exit(f"error: install.sh accepted a damaged archive\n{failed.stderr}")
    return "installed; a damaged archive is refused"


def wheel(out, folder, url):
    wheels = list((out / "pypi").glob("*.whl"))
    largest = max(wheel.stat().st_size for wheel in wheels)
    if largest > WHEEL_SIZE:
        sys.exit(f"error: the wheel has {largest} bytes; at most {WHEEL_SIZE} are allowed")
    run(sys.executable, "-m", "venv", folder / "venv")
    commands = folder / ("venv/Scripts" if sys.platform == "win32" else "venv/bin")
    offline = ["--quiet", "--disable-pip-version-check", "--no-index", "--find-links", out / "pypi"]
    began = time.monotonic()
    run(commands / "pip", "install", *offline, NAME)
    return f"{largest / 1e6:.1f} MB, " + timed(began, [commands / "mcpo"], url)


def npm_packages(out, folder, url):
    tarballs = [out / f"npm/{name}-{version()}.tgz" for name in (NAME, default_target().npm_name)]
    for tarball in tarballs:
        if "scripts" in npm.manifest_of(tarball):
            sys.exit(f"error: {tarball.name} runs a script at installation")
    began = time.monotonic()
    options = ["--offline", "--no-audit", "--no-fund", "--loglevel=error", "--cache", folder / "cache"]
    # On Windows, npm is a script.
    run(shutil.which("npm"), "install", *options, *tarballs, cwd=folder)
    return timed(began, ["node", folder / f"node_modules/{NAME}/bin/mcpo.js"], url)


def scratch_image(out, folder, url):
    """Runs the image's only layer as a root folder: no shell, no libc, no certificates."""
    layers = image.layers(out / "mcpo-image.tar", default_target().oci)
    with tarfile.open(fileobj=layers) as layer:
        layer.extractall(folder, filter="data")
    as_root = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    probe([*as_root, "chroot", folder, "/mcpo"], url)
    files = sum(path.is_file() for path in folder.rglob("*"))
    return f"runs in a root folder with {files} file"


def formula(out, folder, url):
    """Compares the checksum in the formula. Homebrew itself checks the rest in the workflow."""
    del folder, url
    text = (out / "mcpo.rb").read_text(encoding="utf-8")
    lines = (out / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    found = re.findall(r'url ".*/(\S+)"\n\s+sha256 "(\w+)"', text)
    if not found or any(sums[name] != digest for name, digest in found) or "@" in text:
        sys.exit(f"error: the formula does not match SHA256SUMS: {found}")
    if shutil.which("ruby"):
        run("ruby", "-c", out / "mcpo.rb", stdout=subprocess.DEVNULL)
    return f"{len(found)} archives"


def timed(began, command, url):
    probe(command, url)
    took = time.monotonic() - began
    if took > SECONDS:
        sys.exit(f"error: installation and probe took {took:.1f} s; at most {SECONDS} s are allowed")
    return f"installed and probed in {took:.1f} s"


def probe(command, url):
    """Probes the sample server. Fails unless all checks pass."""
    # Only what the package brings: no other mcpo, no settings of this user.
    finished = subprocess.run(
        [str(word) for word in [*command, "probe", url]], capture_output=True, text=True, timeout=60
    )
    if finished.returncode:
        sys.exit(f"error: {command} failed\n{finished.stdout}{finished.stderr}")

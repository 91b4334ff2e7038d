"""The wheel for PyPI, and the list of all crates in the executable (SBOM) that maturin adds to it."""

import sys
import venv
import zipfile

from .project import NAME, PACKAGING, ROOT, remove_stale, run, target_folder, version


def build(target, out):
    """Builds the wheel. Cargo reuses the executable of the archive."""
    folder = out / "pypi"
    remove_stale(folder, f"{NAME.replace('-', '_')}-*.whl", f"-{version()}-")
    tags = [word for tag in target.wheel for word in ("--compatibility", tag)]
    run(tools() / "maturin", "build", "--target", target.triple, "--out", folder, *tags, cwd=PACKAGING)
    for wheel in folder.glob("*.whl"):
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")


def tools():
    """Installs the pinned tools. Returns the folder of their commands."""
    folder = target_folder() / "package-tools"
    commands = folder / ("Scripts" if sys.platform == "win32" else "bin")
    pins, installed = PACKAGING / "requirements.txt", folder / "installed.txt"
    if not installed.is_file() or installed.read_text() != pins.read_text():
        venv.create(folder, clear=True, with_pip=True)
        run(commands / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins)
        installed.write_text(pins.read_text())
    return commands


def sbom(target, out):
    """Copies the SBOM (CycloneDX) out of the wheel, next to the archive. The ids of our own crates
    contain the folder of the checkout, which is left out."""
    wheels = list((out / "pypi").glob(f"{NAME.replace('-', '_')}-{version()}-*.whl"))
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as packed:
            names = [name for name in packed.namelist() if name.endswith(".cyclonedx.json")]
            for name in names:
                listed = packed.read(name).replace(f"{ROOT.as_uri()}/".encode(), b"")
                (out / f"mcpo-{target.triple}.cdx.json").write_bytes(listed)
            if names:
                return
    raise SystemExit("error: no wheel contains an SBOM")

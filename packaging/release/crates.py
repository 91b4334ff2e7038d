"""The packages for crates.io. They are compiled as the registry gets them, and then used."""

import os
import shutil
import tempfile
from pathlib import Path

from .project import ROOT, remove_stale, run, target_folder, version

# In the order of their dependencies.
CRATES = ["mcpo-common", "mcpo-runtime-oauth", "mcpo-runtime", "mcpo-probe", "mcpo-deploy", "mcpo"]


def package(out, allow_dirty):
    """Packs and compiles all crates, and makes a project with the result outside the checkout."""
    target = target_folder() / "package-crates"
    packages = [word for crate in CRATES for word in ("--package", crate)]
    dirty = ["--allow-dirty"] if allow_dirty else []
    # Nothing debugs this build.
    settings = {"CARGO_TARGET_DIR": str(target), "CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_INCREMENTAL": "0"}
    remove_extracted(target)
    run("cargo", "package", "--locked", *packages, *dirty, env=os.environ | settings)
    folder = out / "crates"
    folder.mkdir(exist_ok=True)
    remove_stale(folder, "mcpo*.crate", f"-{version()}.crate")
    # The target folder keeps the packages of earlier versions.
    for crate in CRATES:
        shutil.copy(target / "package" / f"{crate}-{version()}.crate", folder)
    makes_projects(target / "debug/mcpo")


def remove_extracted(target):
    """Removes what an earlier run extracted and compiled: cargo does not look for changes in packages."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    for crate in CRATES:
        # Cargo names the folder after the host of the registry, which is empty here, and a digest.
        stale = [*home.glob(f"registry/src/-*/{crate}-{version()}"), *target.glob(f"debug/.fingerprint/{crate}-*")]
        for folder in stale:
            shutil.rmtree(folder)


def makes_projects(executable):
    """Fails unless a project of the packaged mcpo contains the runtime of this checkout."""
    with tempfile.TemporaryDirectory() as folder:
        run(executable, "new", "packaged", "--no-git", cwd=folder)
        vendored = Path(folder, "packaged/vendor/mcpo-runtime")
        source = ROOT / "crates/mcpo-runtime"
        listed = run("git", "ls-files", "crates/mcpo-runtime", output=True).splitlines()
        names = {str((ROOT / name).relative_to(source)) for name in listed}
        names = {name for name in names if not name.startswith("examples/")}
        found = {str(path.relative_to(vendored)) for path in vendored.rglob("*") if path.is_file()}
        if names != found:
            raise SystemExit(f"error: the packaged mcpo differs in {sorted(names ^ found)}")
        for name in sorted(names):
            if (source / name).read_bytes() != (vendored / name).read_bytes():
                raise SystemExit(f"error: the packaged mcpo has another {name}")
    print(f"crates: the packaged mcpo makes projects, with {len(names)} files of the runtime")

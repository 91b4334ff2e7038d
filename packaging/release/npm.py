"""The packages for npm: one with the command, and one with the executable of each platform.

npm installs the optional dependency whose `os` and `cpu` fit, so no script runs at installation."""

import io
import json
import tarfile

from .archives import executable_of, tar_gz
from .project import LICENSES, NAME, PACKAGING, ROOT, manifest, remove_stale, repository, version


def pack(targets, out):
    folder = out / "npm"
    folder.mkdir(exist_ok=True)
    remove_stale(folder, f"{NAME}-*.tgz", f"-{version()}.tgz")
    for target in targets:
        manifest = shared(target.npm_name, f"The executable of {NAME} for {target.triple}")
        manifest |= {"os": [target.npm["os"]], "cpu": [target.npm["cpu"]], "preferUnplugged": True}
        executable = (f"bin/{target.executable}", executable_of(target, out), 0o755)
        write(folder, manifest, [executable])
    command = shared(NAME, "From an idea to a remote MCP server in claude.ai: new, dev, probe, deploy")
    command |= {
        "keywords": ["mcp", "oauth", "claude", "chatgpt", "testing"],
        "bin": {"mcpo": "bin/mcpo.js"},
        "engines": {"node": ">=18"},
        "optionalDependencies": {target.npm_name: version() for target in targets},
    }
    write(folder, command, [("bin/mcpo.js", (PACKAGING / "mcpo.js").read_bytes(), 0o755)])


def shared(name, description):
    described = {"name": name, "version": version(), "description": description, "license": manifest()["license"]}
    if repository():
        described["repository"] = {"type": "git", "url": f"git+{repository()}.git"}
    return described


def write(folder, manifest, files):
    """Writes a tarball as `npm pack` does, so that it depends only on its files."""
    texts = [(name, (ROOT / name).read_bytes(), 0o644) for name in LICENSES]
    texts.append(("README.md", (PACKAGING / "README.md").read_bytes(), 0o644))
    texts.append(("package.json", json.dumps(manifest, indent=2).encode() + b"\n", 0o644))
    packed = tar_gz((f"package/{name}", content, mode) for name, content, mode in files + texts)
    path = folder / f"{manifest['name']}-{version()}.tgz"
    path.write_bytes(packed)
    print(f"{path.name}: {len(packed) / 1e6:.1f} MB")


def manifest_of(tarball):
    with tarfile.open(fileobj=io.BytesIO(tarball.read_bytes())) as packed:
        return json.load(packed.extractfile("package/package.json"))

"""The container image as an OCI archive: the static executable and a folder for temporary files."""

import gzip
import hashlib
import io
import json
import tarfile
from datetime import datetime, timezone

from .archives import executable_of, tar_gz
from .project import manifest, repository, timestamp, version

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def pack(targets, out):
    """Writes `mcpo-image.tar` with an image for each static target."""
    blobs, images = {}, []
    for target in targets:
        if target.oci:
            descriptor = image(target, executable_of(target, out), blobs)
            images.append(descriptor | {"platform": {"os": "linux", "architecture": target.oci}})
    if not images:
        print("no image: there is no archive of a static executable")
        return
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": images}
    tag = {"org.opencontainers.image.ref.name": version()}
    top = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [add(blobs, INDEX, encoded(index)) | {"annotations": tag}],
    }
    files = {"oci-layout": encoded({"imageLayoutVersion": "1.0.0"}), "index.json": encoded(top)}
    files |= {f"blobs/sha256/{digest}": content for digest, content in sorted(blobs.items())}
    path = out / "mcpo-image.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), timestamp(), 0o644
            archive.addfile(entry, io.BytesIO(content))
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {len(images)} platforms")


def image(target, executable, blobs):
    layer = tar_gz([("mcpo", executable, 0o755)], [("tmp", 0o1777)])
    created = datetime.fromtimestamp(timestamp(), timezone.utc).isoformat()
    labels = {
        "org.opencontainers.image.title": "mcpo",
        "org.opencontainers.image.description": manifest()["description"],
        "org.opencontainers.image.licenses": manifest()["license"],
        "org.opencontainers.image.version": version(),
    }
    if repository():
        labels["org.opencontainers.image.source"] = repository()
    config = {
        "created": created,
        "os": "linux",
        "architecture": target.oci,
        "config": {
            "Entrypoint": ["/mcpo"],
            "Cmd": ["--help"],
            "User": "65532:65532",
            "WorkingDir": "/tmp",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(gzip.decompress(layer))]},
        "history": [{"created": created, "created_by": "scripts/package"}],
    }
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": add(blobs, CONFIG, encoded(config)),
        "layers": [add(blobs, LAYER, layer)],
        "annotations": labels,
    }
    return add(blobs, MANIFEST, encoded(content))


def add(blobs, media_type, content):
    """Adds a blob. Returns its descriptor."""
    digest = sha256(content)
    blobs[digest] = content
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def encoded(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def layers(archive, architecture):
    """Returns the only layer of the image for a processor as a file."""
    with tarfile.open(archive) as packed:

        def read(descriptor):
            return packed.extractfile("blobs/" + descriptor["digest"].replace(":", "/")).read()

        top = json.load(packed.extractfile("index.json"))
        index = json.loads(read(top["manifests"][0]))
        matching = [entry for entry in index["manifests"] if entry["platform"]["architecture"] == architecture]
        (layer,) = json.loads(read(matching[0]))["layers"]
        return io.BytesIO(read(layer))

"""Builds images as OCI image layouts: FROM scratch, with unique content."""

import gzip
import hashlib
import io
import json
import os
import random
import tarfile
from dataclasses import dataclass
from pathlib import Path

from process import environment, run

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass
class Layout:
    """An OCI image layout with one tagged image or index."""

    folder: Path
    tag: str
    digest: str
    manifests: list
    layers: list
    configs: list

    @property
    def skopeo(self):
        return f"oci:{self.folder}:{self.tag}"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def noise(size):
    """Bytes that do not compress and are unique."""
    return random.SystemRandom().randbytes(size) if size < 65536 else os.urandom(size)


def _layer(size):
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        entry = tarfile.TarInfo("content/noise")
        content = noise(size)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return plain.getvalue(), gzip.compress(plain.getvalue(), 1, mtime=0)


def layout(folder, *, tag="latest", architectures=("amd64",), layers=1, size=20_000):
    """Writes a layout; with more than one architecture it contains an index."""
    folder = Path(folder)
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(media_type, content):
        digest = digest_of(content)
        (blobs / digest.removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    manifests, all_layers, configs = [], [], []
    for architecture in architectures:
        made = [_layer(size) for _ in range(layers)]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/content/noise"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(plain) for plain, _ in made]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": put(CONFIG, json.dumps(config).encode()),
            "layers": [put(LAYER, packed) for _, packed in made],
        }
        all_layers += [descriptor["digest"] for descriptor in manifest["layers"]]
        configs.append(manifest["config"]["digest"])
        descriptor = put(MANIFEST, json.dumps(manifest).encode())
        manifests.append(descriptor | {"platform": {"os": "linux", "architecture": architecture}})
    top = manifests[0]
    if len(manifests) > 1:
        top = put(INDEX, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode())
    root = {
        "schemaVersion": 2,
        "manifests": [top | {"annotations": {"org.opencontainers.image.ref.name": tag}}],
    }
    (folder / "index.json").write_text(json.dumps(root))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return Layout(folder, tag, top["digest"], [entry["digest"] for entry in manifests], all_layers, configs)


def layout_of(folder, layer, diff_id, annotations, *, tag="latest"):
    """Writes a layout with one image of this layer."""
    folder = Path(folder)
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(media_type, content):
        digest = digest_of(content)
        (blobs / digest.removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    rootfs = {"type": "layers", "diff_ids": [diff_id]}
    config = put(CONFIG, json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode())
    top = put(LAYER, layer)
    image = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config}
    manifest = put(MANIFEST, json.dumps(image | {"layers": [top | {"annotations": annotations}]}).encode())
    named = manifest | {"annotations": {"org.opencontainers.image.ref.name": tag}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return Layout(folder, tag, manifest["digest"], [manifest["digest"]], [top["digest"]], [config["digest"]])


def estargz_layer(folder, files):
    """An eStargz layer with these files: its bytes, and what the program that made it says of it."""
    with tarfile.open(folder / "layer.tar", "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    said = run(["estargz", "make", folder / "layer.tar", folder / "layer"], env=environment(folder))
    return (folder / "layer").read_bytes(), json.loads(said)


def build_context(folder, size=20_000):
    """A folder from which `docker build` and similar tools build an image without running a command."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "noise").write_bytes(noise(size))
    (folder / "etc-hostname").write_bytes(Path("/etc/hostname").read_bytes())
    (folder / "Dockerfile").write_text(
        'FROM scratch\nCOPY noise /noise\nCOPY etc-hostname /etc/hostname\nLABEL test="wharf"\nCMD ["/noise"]\n'
    )
    return folder

"""Reads the documents that mcpo attaches to an image, with independent libraries. The first argument
names what the current folder contains; the second is the digest of the image. Exits with 1 if no
signature is of the key."""

import base64
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from packageurl import PackageURL

what, digest = sys.argv[1:3]
hexadecimal = digest.removeprefix("sha256:")


def check_sbom(text, expected):
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert problem is None, str(problem).splitlines()[0]
    bom = json.loads(text)
    by_name = {one["name"]: one for one in bom["components"]}
    itoa, helper, macros = by_name["itoa"], by_name["helper"], by_name["macros"]
    assert itoa["purl"] == expected and itoa["scope"] == "required", itoa
    assert len(itoa["hashes"][0]["content"]) == 64, itoa
    assert itoa["licenses"] == [{"expression": "MIT OR Apache-2.0"}], itoa
    assert helper["scope"] == "required" and "purl" not in helper, helper
    assert helper["licenses"] == [{"expression": "MIT"}], helper
    assert macros["scope"] == "excluded", macros
    root = bom["metadata"]["component"]
    assert root["name"] == "tiny" and root["version"] == "0.1.0", root
    edges = {edge["ref"]: edge.get("dependsOn", []) for edge in bom["dependencies"]}
    needed = {itoa["bom-ref"], helper["bom-ref"], macros["bom-ref"]}
    assert set(edges[root["bom-ref"]]) == needed, edges
    for one in bom["components"]:
        if "purl" in one:
            purl = PackageURL.from_string(one["purl"])
            assert (purl.type, purl.name, purl.version) == ("cargo", one["name"], one["version"])


def check_statement(document):
    """Returns the predicate. Unknown and misspelled members are errors."""
    statement = ParseDict(document, statement_pb2.Statement())
    assert statement.type == "https://in-toto.io/Statement/v1", statement
    assert [dict(one.digest) for one in statement.subject] == [{"sha256": hexadecimal}], statement
    assert statement.predicate_type == "https://slsa.dev/provenance/v1", statement
    predicate = ParseDict(document["predicate"], provenance_pb2.Provenance())
    assert predicate.build_definition.build_type and predicate.run_details.builder.id, predicate
    return predicate


def is_by_key(message, signature):
    """Returns true if the signature, in base64, is of the key in the current folder."""
    key = serialization.load_pem_public_key(Path("key.pem").read_bytes())
    try:
        key.verify(base64.b64decode(signature), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def is_signed(manifest, name):
    """Follows cosign's SIGNATURE_SPEC.md."""
    found = False
    for layer in manifest["layers"]:
        assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json", layer
        payload = Path(layer["digest"]).read_bytes()
        made = hashes.Hash(hashes.SHA256())
        made.update(payload)
        assert layer["digest"] == "sha256:" + made.finalize().hex() and layer["size"] == len(payload)
        critical = json.loads(payload)["critical"]
        assert critical == {
            "type": "cosign container image signature",
            "image": {"docker-manifest-digest": digest},
            "identity": {"docker-reference": name},
        }, critical
        found |= is_by_key(payload, layer["annotations"]["dev.cosignproject.cosign/signature"])
    return found


def check_envelope(envelope):
    payload_type, payload = envelope["payloadType"], base64.b64decode(envelope["payload"])
    message = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)
    for signature in envelope["signatures"]:
        assert is_by_key(message, signature["sig"]), envelope
    assert payload_type == "application/vnd.in-toto+json" and envelope["signatures"], envelope
    check_statement(json.loads(payload))


if what == "documents":
    itoa, commit = sys.argv[3:5]
    sbom = Path("sbom.json").read_text()
    check_sbom(sbom, itoa)
    predicate = check_statement(json.loads(Path("statement.json").read_text()))
    sources = {one.name: one for one in predicate.build_definition.resolved_dependencies}
    assert sources["source"].uri == "git+https://git.example.com/a/b.git", sources
    assert dict(sources["source"].digest) == {"gitCommit": commit}, sources
    assert "sha256" in sources["Cargo.lock"].digest and "rustc" in sources, sources
    byproduct = predicate.run_details.byproducts[0]
    made = hashes.Hash(hashes.SHA256())
    made.update(sbom.encode())
    assert byproduct.digest["sha256"] == made.finalize().hex(), byproduct
elif what == "signature":
    manifest = json.loads(Path("manifest.json").read_text())
    sys.exit(0 if is_signed(manifest, sys.argv[3]) else 1)
else:
    check_envelope(json.loads(Path("envelope.json").read_text()))

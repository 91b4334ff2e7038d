"""Tests the stand-in with Google's own Python clients: it accepts their requests, and they can read
its responses. The clients use their defaults: TLS with OpenSSL, and tokens signed with the key of a
service account. Arguments: the names of an existing service and of an existing key version."""

import hashlib
import sys

import google_crc32c
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.api_core import exceptions
from google.cloud import artifactregistry_v1, kms_v1, redis_v1, run_v2, secretmanager, storage
from google.iam.v1 import iam_policy_pb2, policy_pb2

name = sys.argv[1]
parent = name.rsplit("/services/", 1)[0]
project = "projects/" + name.split("/")[1]
services = run_v2.ServicesClient(transport="rest")


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise SystemExit(f"{kind.__name__} was expected")


found = services.get_service(name=name)
assert found.uri and found.urls and found.invoker_iam_disabled, found
assert found.terminal_condition.state == run_v2.Condition.State.CONDITION_SUCCEEDED
assert found.traffic_statuses[0].percent == 100
image = found.template.containers[0].image

refused(exceptions.NotFound, lambda: services.get_service(name=name + "x"))


def service_of(image):
    """Returns a service with one variable."""
    container = run_v2.Container(image=image, env=[run_v2.EnvVar(name="A", value="b")])
    return run_v2.Service(template=run_v2.RevisionTemplate(
        service_account=found.template.service_account, containers=[container]))


# Another service with the same image.
service = run_v2.Service(
    template=run_v2.RevisionTemplate(
        service_account=found.template.service_account,
        containers=[run_v2.Container(image=image, env=[run_v2.EnvVar(name="A", value="b")])],
        execution_environment=run_v2.ExecutionEnvironment.EXECUTION_ENVIRONMENT_GEN2,
    ),
    ingress=run_v2.IngressTraffic.INGRESS_TRAFFIC_ALL,
)
made = services.create_service(parent=parent, service=service, service_id="other").result(60)
assert made.latest_ready_revision == made.latest_created_revision, made
assert made.template.containers[0].env[0].value == "b"
refused(
    exceptions.Conflict,
    lambda: services.create_service(parent=parent, service=service, service_id="other"),
)

# An update with the etag of an earlier read.
stale = run_v2.Service(made)
changed = run_v2.Service(made)
changed.template.containers[0].env[0].value = "c"
changed.template.revision = ""
for field in ("conditions", "terminal_condition", "traffic_statuses", "create_time", "update_time",
              "generation", "observed_generation", "latest_ready_revision", "uri", "urls",
              "latest_created_revision", "creator", "last_modifier", "reconciling", "uid"):
    for service in (stale, changed):
        type(service).pb(service).ClearField(field)
services.update_service(service=changed).result(60)
refused(exceptions.Conflict, lambda: services.update_service(service=stale))

# A request that Google refuses.
nameless = run_v2.Service(template=run_v2.RevisionTemplate(containers=[run_v2.Container(image="")]))
refused(
    exceptions.BadRequest,
    lambda: services.create_service(parent=parent, service=nameless, service_id="third"),
)

# The latest revision cannot be deleted, an earlier one without traffic can.
revisions = run_v2.RevisionsClient(transport="rest")
newest, first = revisions.list_revisions(parent=parent + "/services/other")
refused(exceptions.BadRequest, lambda: revisions.delete_revision(name=newest.name).result(60))
assert revisions.delete_revision(name=first.name).result(60).name == first.name
refused(exceptions.NotFound, lambda: revisions.get_revision(name=first.name))

services.delete_service(name=parent + "/services/other").result(60)
refused(exceptions.NotFound, lambda: services.get_service(name=parent + "/services/other"))

# A revision that can receive traffic, or that is the latest one, cannot be deleted.
revisions = run_v2.RevisionsClient(transport="rest")
made = services.create_service(parent=parent, service=service_of(image), service_id="old").result(60)
first = made.latest_created_revision
refused(exceptions.BadRequest, lambda: revisions.delete_revision(name=first).result(60))
changed = service_of(image)
changed.name = parent + "/services/old"
changed.template.containers[0].env[0].value = "new"
services.update_service(service=changed).result(60)
assert revisions.delete_revision(name=first).result(60).name == first
refused(exceptions.NotFound, lambda: revisions.get_revision(name=first))
assert len(list(revisions.list_revisions(parent=parent + "/services/old"))) == 1
services.delete_service(name=parent + "/services/old").result(60)

# A validate-only request also returns an operation.
plain = run_v2.Service(
    invoker_iam_disabled=True,
    template=run_v2.RevisionTemplate(
        containers=[run_v2.Container(image="us-docker.pkg.dev/cloudrun/container/hello")]
    )
)
services.create_service(
    run_v2.CreateServiceRequest(
        parent=parent, service=plain, service_id="checked", validate_only=True
    )
).result(60)
refused(exceptions.NotFound, lambda: services.get_service(name=parent + "/services/checked"))

# A service account and a digest are optional, and the image may belong to another project.
made = services.create_service(parent=parent, service=plain, service_id="plain").result(60)
assert made.latest_ready_revision, made
assert made.traffic_statuses[0].revision == "", "a status of the latest revision has no revision name"
hello = requests.get(made.uri, timeout=20)
assert hello.text == "hello", (made.uri, hello.status_code, hello.text)
services.delete_service(name=parent + "/services/plain").result(60)


def limited(**changes):
    """Returns a service that differs from a valid one in the given fields."""
    container = run_v2.Container(image=image)
    template = run_v2.RevisionTemplate(containers=[container])
    service = run_v2.Service(template=template)
    for path, value in changes.items():
        target, *rest = path.split("__")
        place = {"container": service.template.containers[0], "template": service.template,
                 "service": service}[target]
        for step in rest[:-1]:
            place = getattr(place, step)
        setattr(place, rest[-1], value)
    return service


gen2 = run_v2.ExecutionEnvironment.EXECUTION_ENVIRONMENT_GEN2
probe = run_v2.Probe(timeout_seconds=20, period_seconds=10)
refusals = [
    limited(container__resources__limits={"cpu": "3"}),
    limited(container__resources__limits={"cpu": "500m"}),
    limited(container__resources__limits={"memory": "256Mi"},
            template__execution_environment=gen2),
    limited(container__resources__limits={"cpu": "4", "memory": "512Mi"}),
    limited(template__timeout={"seconds": 7200}),
    limited(template__max_instance_request_concurrency=2000),
    limited(template__scaling__min_instance_count=3, template__scaling__max_instance_count=2),
    limited(container__ports=[run_v2.ContainerPort(container_port=70000)]),
    limited(container__startup_probe=probe),
    limited(container__env=[run_v2.EnvVar(name="PORT", value="1")]),
    limited(container__env=[run_v2.EnvVar(name="A=B", value="1")]),
    limited(container__env=[run_v2.EnvVar(name="A", value="x" * 40000)]),
    limited(service__annotations={"run.googleapis.com/client-name": "x"}),
    limited(service__labels={"Team": "x"}),
    limited(service__description="x" * 600),
    limited(service__traffic=[run_v2.TrafficTarget(type_=1, percent=100, tag="Next")]),
    limited(template__containers=[
        run_v2.Container(image=image, ports=[run_v2.ContainerPort(container_port=port)])
        for port in (8080, 8081)
    ]),
]
for index, service in enumerate(refusals):
    try:
        services.create_service(parent=parent, service=service, service_id="fourth").result(60)
    except exceptions.BadRequest:
        continue
    raise SystemExit(f"refusal {index} was expected")

# Secret Manager.
secrets = secretmanager.SecretManagerServiceClient(transport="rest")
replicas = {"user_managed": {"replicas": [{"location": "europe-west1"}]}}
secret = secrets.create_secret(
    parent=project, secret_id="of-client", secret={"replication": replicas}
)
version = secrets.add_secret_version(parent=secret.name, payload={"data": b"without a checksum"})
assert not version.client_specified_payload_checksum
version = secrets.add_secret_version(
    parent=secret.name, payload={"data": b"1", "data_crc32c": 0x90F599E3}
)
assert version.client_specified_payload_checksum
read = secrets.access_secret_version(name=secret.name + "/versions/latest")
assert read.payload.data == b"1"
states = [version.state.name for version in secrets.list_secret_versions(parent=secret.name)]
assert states == ["ENABLED", "ENABLED"], states
first = secret.name + "/versions/1"
old = secrets.get_secret_version(name=first).etag
destroyed = secrets.destroy_secret_version(request={"name": first, "etag": old})
assert destroyed.state.name == "DESTROYED"
refused(
    exceptions.Conflict,
    lambda: secrets.destroy_secret_version(request={"name": first, "etag": old}),
)
refused(exceptions.BadRequest, lambda: secrets.destroy_secret_version(name=first))
for secret_id, body in [
    ("bad id", {"replication": {"automatic": {}}}),
    ("nowhere", {"replication": {"user_managed": {"replicas": [{"location": "mars"}]}}}),
    ("label", {"replication": {"automatic": {}}, "labels": {"A": "b"}}),
]:
    refused(
        exceptions.BadRequest,
        lambda: secrets.create_secret(parent=project, secret_id=secret_id, secret=body),
    )
for member, role in [("someone", "roles/viewer"), ("allUsers", "roles/nonsense.of.mine")]:
    policy = policy_pb2.Policy(bindings=[policy_pb2.Binding(role=role, members=[member])])
    request = iam_policy_pb2.SetIamPolicyRequest(resource=secret.name, policy=policy)
    refused(exceptions.BadRequest, lambda: secrets.set_iam_policy(request))
secrets.delete_secret(name=secret.name)

# Artifact Registry.
registry = artifactregistry_v1.ArtifactRegistryClient(transport="rest")
docker = artifactregistry_v1.Repository(format_=artifactregistry_v1.Repository.Format.DOCKER)
repository = registry.create_repository(
    parent=parent, repository_id="of-client", repository=docker
).result(60)
assert repository.format_ == docker.format_
package = name.replace("/services/", "/repositories/mcpo/packages/")
versions = list(registry.list_versions(parent=package))
# The image, and what is attached to it.
assert versions and all(version.create_time.year > 2025 for version in versions), versions
for place, repository_id in [(parent, "Bad_Id"), (project + "/locations/mars", "good")]:
    refused(
        exceptions.BadRequest,
        lambda: registry.create_repository(
            parent=place, repository_id=repository_id, repository=docker
        ),
    )

# Memorystore for Redis.
redis = redis_v1.CloudRedisClient(transport="rest")
basic = redis_v1.Instance(
    tier=redis_v1.Instance.Tier.BASIC, memory_size_gb=1, auth_enabled=True, labels={"a": "b"}
)
instance = redis.create_instance(parent=parent, instance_id="of-client", instance=basic).result(60)
assert instance.state == redis_v1.Instance.State.READY, instance
read = redis.get_instance(name=instance.name)
assert (read.host, read.port) == (instance.host, instance.port) and read.host
assert redis.get_instance_auth_string(name=instance.name).auth_string
refused(
    exceptions.BadRequest,
    lambda: redis.create_instance(parent=parent, instance_id="Bad_Id", instance=basic),
)
refused(
    exceptions.Conflict,
    lambda: redis.create_instance(parent=parent, instance_id="of-client", instance=basic),
)
redis.delete_instance(name=instance.name).result(60)
refused(exceptions.NotFound, lambda: redis.get_instance(name=instance.name))

# Cloud Storage.
files = storage.Client()
bucket = files.create_bucket(
    "of-client-123456789012", location="europe-west1", enable_object_retention=False
)
blob = bucket.blob("a/file")
blob.upload_from_string(b"0123456789")
assert blob.download_as_bytes(start=2, end=4) == b"234"
assert bucket.blob("a/file").download_as_bytes() == b"0123456789"
refused(exceptions.NotFound, lambda: bucket.blob("missing").download_as_bytes())
refused(exceptions.Conflict, lambda: files.create_bucket("of-client-123456789012"))
refused(exceptions.BadRequest, lambda: files.create_bucket("of-client-2", location="mars"))
problem = refused(exceptions.NotFound, lambda: files.get_bucket("not-here-123456789012"))
assert problem.errors[0]["reason"] == "notFound", problem.errors
blob.delete()
bucket.delete()
# A key that signs.
keys = kms_v1.KeyManagementServiceClient(transport="rest")
public = keys.get_public_key(name=sys.argv[2])
assert public.algorithm == kms_v1.CryptoKeyVersion.CryptoKeyVersionAlgorithm.EC_SIGN_P256_SHA256
assert public.pem_crc32c == google_crc32c.value(public.pem.encode())
digest = hashlib.sha256(b"message").digest()
request = {
    "name": sys.argv[2], "digest": {"sha256": digest}, "digest_crc32c": google_crc32c.value(digest),
}
signed = keys.asymmetric_sign(request=request)
assert signed.verified_digest_crc32c and signed.name == sys.argv[2], signed
assert signed.signature_crc32c == google_crc32c.value(signed.signature)
serialization.load_pem_public_key(public.pem.encode()).verify(
    signed.signature, b"message", ec.ECDSA(hashes.SHA256())
)
request["digest_crc32c"] = 1
refused(exceptions.BadRequest, lambda: keys.asymmetric_sign(request=request))
refused(exceptions.NotFound, lambda: keys.get_public_key(name=sys.argv[2] + "0"))

print("understood")

"""Google's own client for Cloud Run against the stand-in: what it sends is taken, and what it is
answered it can read. Arguments: the stand-in's address, the name of a service that is there."""

import sys

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesRestTransport

endpoint, name = sys.argv[1:]
parent = name.rsplit("/services/", 1)[0]
services = run_v2.ServicesClient(
    transport=ServicesRestTransport(
        host=endpoint, credentials=AnonymousCredentials(), url_scheme="http"
    )
)


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

# A change by somebody who did not see the last one.
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

# What Google would refuse.
nameless = run_v2.Service(template=run_v2.RevisionTemplate(containers=[run_v2.Container(image="")]))
refused(
    exceptions.BadRequest,
    lambda: services.create_service(parent=parent, service=nameless, service_id="third"),
)

services.delete_service(name=parent + "/services/other").result(60)
refused(exceptions.NotFound, lambda: services.get_service(name=parent + "/services/other"))
print("understood")

"""Reports whether the MCP Python SDK accepts a document of an OAuth server.

    python accepts.py < documents.jsonl

Reads and prints the same lines as accepts.mjs, which explains them.

The functions called here are those that `OAuthClientProvider` calls in its flow, in the same order.
The provider itself hides the reason when it rejects metadata and tries the next address.
"""

import asyncio
import json
import sys
from importlib.metadata import version

from httpx2 import Response
from mcp.client.auth import utils
from mcp.client.auth.oauth2 import check_registration_usable
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url

RESOURCE = "https://mcp.example.com/mcp"
ISSUER = "https://as.example.com"


async def check(document: str, response: Response) -> None:
    """Raises an exception if the SDK rejects the document."""
    match document:
        case "protected-resource":
            metadata = await utils.handle_protected_resource_response(response)
            if metadata is None:
                raise reason(ProtectedResourceMetadata, response)
            if not check_resource_allowed(
                requested_resource=resource_url_from_server_url(RESOURCE),
                configured_resource=str(metadata.resource),
            ):
                raise ValueError(f"resource {metadata.resource} does not match {RESOURCE}")
        case "authorization-server" | "openid-configuration":
            # The SDK reads both documents with the same model.
            _, metadata = await utils.handle_auth_metadata_response(response)
            if metadata is None:
                raise reason(OAuthMetadata, response)
            utils.validate_metadata_issuer(metadata, ISSUER)
        case "registration":
            check_registration_usable(await utils.handle_registration_response(response))
        case "token":
            if response.status_code not in (200, 201):
                raise ValueError(f"HTTP {response.status_code}")
            await utils.handle_token_response_scopes(response)
        case "token-error":
            # The SDK never reads an error body: any status but 200 ends the grant.
            if response.status_code == 200:
                raise ValueError("read as a success")
        case _:
            raise ValueError(f"unknown document {document}")


def reason(model: type, response: Response) -> Exception:
    """Returns the error that the SDK has swallowed."""
    if response.status_code != 200:
        return ValueError(f"HTTP {response.status_code}")
    try:
        model.model_validate_json(response.content)
    except ValueError as error:
        return error
    return ValueError("rejected")


async def main() -> None:
    library = f"python-mcp@{version('mcp')}"
    for line in sys.stdin:
        if not line.strip():
            continue
        case = json.loads(line)
        response = Response(
            case["status"],
            headers={"content-type": case["content_type"]},
            content=case["body"].encode(),
        )
        error = None
        try:
            await check(case["document"], response)
        except Exception as failure:
            # Validation errors span several lines; the member and its message are enough.
            error = " ".join(map(str.strip, str(failure).splitlines()[:3]))
        print(json.dumps({"library": library, "accepted": error is None, "error": error}))


if __name__ == "__main__":
    asyncio.run(main())

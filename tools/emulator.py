"""Starts MiniStack, an emulator of AWS, with two corrections. The templates know nothing of them.

CloudFormation replaces an `AWS::ECS::Service` whose name changes, and every revision of a fleet has a service of its own name. MiniStack 1.5 updates
it in place instead, which fails because no service has the new name yet. Only a redeploy needs this.

IAM checks `ssm:GetParametersByPath` against the parameter that the path names. MiniStack 1.5 checks it against no resource at all, so that a role
with only the paths that it needs would be refused.

Run it like `ministack`, with the same environment.
"""

import json

from ministack.app import main
from ministack.core import iam_actions
from ministack.services.cloudformation import provisioners

REPLACED_WHEN_CHANGED = ("Cluster", "LaunchType", "ServiceName")

resource_as_ministack_sees_it = iam_actions.extract_resource_arn


def resource(service, method, path, headers, body, query_params, region, account_id):
    """The resource that a call is about, as IAM sees it."""
    if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParametersByPath"):
        wanted = json.loads(body).get("Path", "/").strip("/")
        return f"arn:aws:ssm:{region}:{account_id}:parameter/{wanted}"
    return resource_as_ministack_sees_it(service, method, path, headers, body, query_params, region, account_id)


if __name__ == "__main__":
    provisioners._REPLACING_PROPERTIES.setdefault("AWS::ECS::Service", REPLACED_WHEN_CHANGED)
    iam_actions.extract_resource_arn = resource
    main()

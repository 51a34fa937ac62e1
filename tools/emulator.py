"""Starts MiniStack, an emulator of AWS, with a few corrections. The templates know nothing of them.

CloudFormation replaces an `AWS::ECS::Service` whose name changes, and every revision of a fleet has a service of its own name. MiniStack 1.5 updates
it in place instead, which fails because no service has the new name yet. Only a redeploy needs this.

Of Lambda's REST calls MiniStack 1.5 takes a look at one event source mapping for the list of them, and a look at a function's concurrency for a change
of it; and a rule of the default bus has another ARN for its IAM than for everybody else. A look at a rule's targets it checks against the bus.

IAM checks `ssm:GetParametersByPath` against the parameter that the path names. MiniStack 1.5 checks it against no resource at all, so that a role
with only the paths that it needs would be refused. And it checks `ssm:GetParameters` against each of the parameters, all of which must be allowed;
MiniStack 1.5 against none here, too.

CloudWatch knows alarms on a sum of metrics. MiniStack 1.5 refuses them in a template; here such an alarm watches the first of its metrics. Nothing of
what is tried on this machine depends on an alarm.

Logs Insights keeps queries that a template saves. MiniStack 1.5 does not know them and refuses the template; here they are taken, and nothing is kept.

What its CloudTrail records besides is in `metering.py`; Service Quotas, which it does not have, are in `quotas.py`.

Run it like `ministack`, with the same environment.
"""

import json

import metering
import quotas
from ministack.app import main
from ministack.core import iam_actions, iam_evaluator
from ministack.services.cloudformation import provisioners

REPLACED_WHEN_CHANGED = ("Cluster", "LaunchType", "ServiceName")

alarm_as_ministack_keeps_it = provisioners._cw_metric_alarm_record
resource_as_ministack_sees_it = iam_actions.extract_resource_arn
lambda_action_as_ministack_sees_it = iam_actions._lambda_action
enforce_as_ministack_does = iam_evaluator.enforce

# Between the resources of a call that is about several. No ARN of a parameter holds one.
BETWEEN_RESOURCES = " "


def alarm(name, properties):
    """What is kept of an alarm."""
    properties = dict(properties)
    metrics = [metric["MetricStat"] for metric in properties.pop("Metrics", []) if "MetricStat" in metric]
    if metrics:
        properties |= metrics[0]["Metric"] | {"Period": metrics[0]["Period"], "Statistic": metrics[0]["Stat"]}
    return alarm_as_ministack_keeps_it(name, properties)


def saved_query(logical_id, properties, stack_name):
    """A saved query has an id, and that is all of it here."""
    return f"{stack_name}-{logical_id}", {}


SAVED_QUERY = {"create": saved_query, "update": lambda physical_id, *_: (physical_id, {}), "delete": lambda *_: None}


def resource(service, method, path, headers, body, query_params, region, account_id):
    """The resource that a call is about, as IAM sees it."""
    if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParametersByPath"):
        wanted = json.loads(body).get("Path", "/").strip("/")
        return f"arn:aws:ssm:{region}:{account_id}:parameter/{wanted}"
    if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParameters"):
        wanted = [name.strip("/") for name in json.loads(body).get("Names", [])]
        return BETWEEN_RESOURCES.join(f"arn:aws:ssm:{region}:{account_id}:parameter/{name}" for name in wanted)
    if service == "events" and headers.get("x-amz-target", "").endswith(".ListTargetsByRule"):
        asked = json.loads(body)
        bus = asked.get("EventBusName", "default")
        return f"arn:aws:events:{region}:{account_id}:rule/" + ("" if bus == "default" else f"{bus}/") + asked.get("Rule", "")
    arn = resource_as_ministack_sees_it(service, method, path, headers, body, query_params, region, account_id)
    return arn.replace(":rule/default/", ":rule/") if service == "events" else arn


def enforce(access_key, action, service, region, resource_arn="*", **more):
    """What is wrong with a call, if anything: it must be allowed for each of its resources."""
    resources = resource_arn.split(BETWEEN_RESOURCES) if action == "ssm:GetParameters" else [resource_arn]
    denied = (enforce_as_ministack_does(access_key, action, service, region, resource_arn=one, **more) for one in resources)
    return next(filter(None, denied), None)


def lambda_action(method, path):
    """What a call of Lambda does, as IAM names it."""
    parts = [part for part in path.split("/") if part]
    if "event-source-mappings" in parts[:-1]:
        return {"GET": "GetEventSourceMapping", "PUT": "UpdateEventSourceMapping", "DELETE": "DeleteEventSourceMapping"}.get(method)
    if parts[-1:] == ["concurrency"]:
        return {"GET": "GetFunctionConcurrency", "DELETE": "DeleteFunctionConcurrency"}.get(method, "PutFunctionConcurrency")
    return lambda_action_as_ministack_sees_it(method, path)


if __name__ == "__main__":
    provisioners._REPLACING_PROPERTIES.setdefault("AWS::ECS::Service", REPLACED_WHEN_CHANGED)
    provisioners._RESOURCE_HANDLERS.setdefault("AWS::Logs::QueryDefinition", SAVED_QUERY)
    provisioners._cw_metric_alarm_record = alarm
    iam_actions.extract_resource_arn = resource
    iam_actions._lambda_action = lambda_action
    iam_evaluator.enforce = enforce
    metering.start()
    quotas.start()
    main()

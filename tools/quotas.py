"""Service Quotas, which MiniStack 1.5 does not have: the quotas of Fargate's vCPUs, and requests for another value, which are granted at once.

A new account begins with 6 of each. AWS grants more only, and takes its time; here any value is granted, so that a trial can have a quota that is too
small.
"""

import json

from ministack import app
from ministack.core import iam_actions

SERVICE = "servicequotas"
NEW_ACCOUNT = 6.0
VCPUS = {"L-3032A538": "Fargate On-Demand vCPU resource count", "L-36FBB829": "Fargate Spot vCPU resource count"}

granted = dict.fromkeys(VCPUS, NEW_ACCOUNT)


def quota(code):
    """A quota, as the API shows it."""
    return {
        "ServiceCode": "fargate",
        "ServiceName": "AWS Fargate",
        "QuotaCode": code,
        "QuotaName": VCPUS[code],
        "Value": granted[code],
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def answer(status, body):
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


async def handle(method, path, headers, body, query_params):
    """Answers a call."""
    action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    request = json.loads(body) if body else {}
    code = request.get("QuotaCode")
    if request.get("ServiceCode") != "fargate" or code not in VCPUS:
        return answer(400, {"__type": "NoSuchResourceException", "message": "The specified quota does not exist."})
    if action == "GetServiceQuota":
        return answer(200, {"Quota": quota(code)})
    if action == "RequestServiceQuotaIncrease":
        granted[code] = float(request["DesiredValue"])
        return answer(200, {"RequestedQuota": {"Id": "granted", "Status": "APPROVED", "QuotaCode": code, "DesiredValue": granted[code]}})
    return answer(400, {"__type": "UnknownOperationException", "message": action})


def start():
    """From here on MiniStack has Service Quotas."""
    app.SERVICE_HANDLERS[SERVICE] = handle
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE

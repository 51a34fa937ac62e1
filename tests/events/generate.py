"""Writes the samples in events/, one for each trigger and variant of the functions.

    python tests/events/generate.py            # after a change of the samples below
    python tests/events/generate.py --check    # fails when a file differs from what this would write

The webhooks' bodies have the fields of GitHub's published examples that anything here reads, of a made-up organisation. They are signed with
WEBHOOK_SECRET, which opens nothing.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys

DIRECTORY = pathlib.Path(__file__).resolve().parents[2] / "events"
WEBHOOK_SECRET = "events-webhook-secret"

ACCOUNT = "123456789012"
REGION = "us-east-1"
STACK = "fargate-runners"
STACK_ID = "2f8e1c3a"
FLEET = "default"
TASK_ID = "0123456789abcdef0123456789abcdef"
RUNNER_NAME = f"{STACK_ID}-{FLEET}-{TASK_ID}-1"
TASK_ROLE = f"{STACK}-FirstFleet-1ABCDEFGHIJKL-TaskRole-2ABCDEFGHIJK"
NONCE = "5a" * 32
API_ID = "a1b2c3d4e5"
JOB_ID = 41234567890
RUN_ID = 9876543210
QUEUED_AT = "2026-11-02T09:30:00Z"
QUEUED_AT_MILLISECONDS = 1793611800000


def http_api_event(path, body, headers=None, authorizer=None, encode=False):
    """What an HTTP API hands to a function, payload format 2.0."""
    raw = body.encode()
    context = {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": f"{API_ID}.execute-api.{REGION}.amazonaws.com",
        "domainPrefix": API_ID,
        "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.10", "userAgent": "sample"},
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": f"POST {path}",
        "stage": "$default",
        "time": "02/Nov/2026:09:30:00 +0000",
        "timeEpoch": QUEUED_AT_MILLISECONDS,
    }
    if authorizer:
        context["authorizer"] = authorizer
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "content-length": str(len(raw)),
            "content-type": "application/json",
            "host": context["domainName"],
            "x-forwarded-proto": "https",
            **(headers or {}),
        },
        "requestContext": context,
        "body": base64.b64encode(raw).decode() if encode else body,
        "isBase64Encoded": encode,
    }


# ---- GitHub's webhooks ----


def signed_webhook(event, payload, delivery, encode=False):
    body = json.dumps(payload, separators=(",", ":"))
    signature = hmac.new(WEBHOOK_SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    headers = {
        "user-agent": "GitHub-Hookshot/sample",
        "x-github-delivery": delivery,
        "x-github-event": event,
        "x-github-hook-id": "109948940",
        "x-github-hook-installation-target-id": "123456",
        "x-github-hook-installation-target-type": "integration",
        "x-hub-signature-256": f"sha256={signature}",
    }
    return http_api_event("/webhook", body, headers, encode=encode)


def workflow_job(action, *, status=None, conclusion=None, runner=None, labels=("self-hosted", "linux", "x64"), started=None, completed=None, **repository):
    api = "https://api.github.com/repos/octo-org/octo-repo"
    return {
        "action": action,
        "workflow_job": {
            "id": JOB_ID,
            "run_id": RUN_ID,
            "run_url": f"{api}/actions/runs/{RUN_ID}",
            "run_attempt": 1,
            "node_id": "CR_kwDOExampleJob",
            "head_sha": "3484a3fb816e0859fd6e1cea078d76385ff50625",
            "head_branch": "main",
            "url": f"{api}/actions/jobs/{JOB_ID}",
            "html_url": f"https://github.com/octo-org/octo-repo/actions/runs/{RUN_ID}/job/{JOB_ID}",
            "status": status or action,
            "conclusion": conclusion,
            "created_at": QUEUED_AT,
            "started_at": started or QUEUED_AT,
            "completed_at": completed,
            "name": "build",
            "steps": [],
            "check_run_url": f"{api}/check-runs/{JOB_ID}",
            "labels": list(labels),
            "runner_id": 77 if runner else None,
            "runner_name": runner,
            "runner_group_id": 1 if runner else None,
            "runner_group_name": "Default" if runner else None,
            "workflow_name": "CI",
        },
        "repository": {
            "id": 186853002,
            "node_id": "R_kgDOExample",
            "name": "octo-repo",
            "full_name": "octo-org/octo-repo",
            "private": True,
            "visibility": "private",
            "owner": {"login": "octo-org", "id": 6811672, "type": "Organization"},
            "html_url": "https://github.com/octo-org/octo-repo",
            "default_branch": "main",
            **repository,
        },
        "organization": {"login": "octo-org", "id": 6811672},
        "sender": {"login": "octocat", "id": 583231, "type": "User"},
        "installation": {"id": 375706, "node_id": "MDIzOkV4YW1wbGU="},
    }


PING = {
    "zen": "Anything added dilutes everything else.",
    "hook_id": 109948940,
    "hook": {"type": "App", "id": 109948940, "name": "web", "active": True, "events": ["workflow_job"], "app_id": 123456},
}

STARTED = "2026-11-02T09:30:41Z"
ENDED = "2026-11-02T09:32:05Z"
RUNNING = workflow_job("in_progress", runner=RUNNER_NAME, started=STARTED)
COMPLETED = workflow_job("completed", conclusion="success", runner=RUNNER_NAME, started=STARTED, completed=ENDED)
CANCELLED_IN_QUEUE = workflow_job("completed", conclusion="cancelled", completed=ENDED)
QUEUED = workflow_job("queued")


def delivery(number):
    return f"3f0e1d2c-7a10-11f1-9d00-00000000{number:04x}"


WEBHOOKS = {
    "queued": signed_webhook("workflow_job", QUEUED, delivery(1)),
    "queued-base64": signed_webhook("workflow_job", QUEUED, delivery(1), encode=True),
    # GitHub's own samples say `queued` of a job that waits for an environment's gate.
    "queued-at-gate": signed_webhook("workflow_job", workflow_job("queued", status="waiting"), delivery(2)),
    "queued-github-hosted": signed_webhook("workflow_job", workflow_job("queued", labels=["ubuntu-latest"]), delivery(3)),
    "queued-public-repository": signed_webhook("workflow_job", workflow_job("queued", private=False, visibility="public"), delivery(4)),
    "waiting": signed_webhook("workflow_job", workflow_job("waiting"), delivery(5)),
    "in-progress": signed_webhook("workflow_job", RUNNING, delivery(6)),
    "completed": signed_webhook("workflow_job", COMPLETED, delivery(7)),
    "completed-cancelled-in-queue": signed_webhook("workflow_job", CANCELLED_IN_QUEUE, delivery(8)),
    "ping": signed_webhook("ping", PING, delivery(9)),
}


# ---- The tasks' registration calls ----


def registration_call(path, **members):
    """Signed by a task: API Gateway has checked that, and names the role's session, which is the task's id."""
    iam = {
        "accessKey": "ASIAEXAMPLEEXAMPLE12",
        "accountId": ACCOUNT,
        "callerId": f"AROAEXAMPLEEXAMPLE123:{TASK_ID}",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{TASK_ROLE}/{TASK_ID}",
        "userId": f"AROAEXAMPLEEXAMPLE123:{TASK_ID}",
    }
    headers = {"user-agent": "curl/8.5.0", "x-amz-date": "20261102T093000Z", "x-amz-security-token": "sample"}
    return http_api_event(path, json.dumps({"nonce": NONCE, **members}, separators=(",", ":")), headers, {"iam": iam})


REGISTRATIONS = {
    "registrations": registration_call("/registrations"),
    "ack": registration_call("/registrations/ack", runner_name=f"2f8e1c3a-default-{TASK_ID}-1"),
    "lease": registration_call("/registrations/lease"),
    "done-job": registration_call("/registrations/done", outcome="job"),
    "done-left": registration_call("/registrations/done", outcome="left"),
}


# ---- ECS's task state changes ----


def task_state_change(last_status, version, *, desired="STOPPED", container=None, capacity_provider="FARGATE", started=True, group=None, **fields):
    task_arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{STACK}/{TASK_ID}"
    runner = {
        "containerArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:container/{STACK}/{TASK_ID}/7e9c1a52-5d0f-4c3e-9f55-000000000001",
        "image": "ghcr.io/actions/actions-runner:latest",
        "lastStatus": "RUNNING" if last_status == "RUNNING" else "STOPPED",
        "name": "runner",
        "networkInterfaces": [],
        "runtimeId": f"{TASK_ID}-265927825",
        "taskArn": task_arn,
        **(container or {}),
    }
    detail = {
        "attachments": [],
        "availabilityZone": f"{REGION}a",
        "capacityProviderName": capacity_provider,
        "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{STACK}",
        "connectivity": "CONNECTED",
        "containers": [runner],
        "cpu": "1024",
        "createdAt": "2026-11-02T09:30:05.123Z",
        "desiredStatus": desired,
        "enableExecuteCommand": False,
        "group": group or f"service:{STACK}-{FLEET}-3",
        "lastStatus": last_status,
        "launchType": "FARGATE",
        "memory": "2048",
        "overrides": {"containerOverrides": [{"name": "runner"}]},
        "platformVersion": "1.4.0",
        "pullStartedAt": "2026-11-02T09:30:12.345Z",
        "taskArn": task_arn,
        "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{STACK}-{FLEET}:3",
        "updatedAt": "2026-11-02T09:32:40.456Z",
        "version": version,
        **({"startedAt": "2026-11-02T09:30:31.789Z"} if started else {}),
        **fields,
    }
    return {
        "version": "0",
        "id": "3317b2af-7005-947d-b652-f55e762e571a",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": ACCOUNT,
        "time": "2026-11-02T09:32:40Z",
        "region": REGION,
        "resources": [task_arn],
        "detail": detail,
    }


def stopped(code, reason, **fields):
    times = {"stoppingAt": "2026-11-02T09:32:10.000Z", "executionStoppedAt": "2026-11-02T09:32:09.000Z", "stoppedAt": "2026-11-02T09:32:40.000Z"}
    return task_state_change("STOPPED", 6, stopCode=code, stoppedReason=reason, **times, **fields)


ESSENTIAL = "Essential container in task exited"
SPOT = "Your Spot Task was interrupted."
PULL = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ghcr.io/actions/actions-runner:nope: not found"
# In launch mode `tasks` the group is not a service's.
LAUNCHED = f"family:{STACK}-{FLEET}"

TASKS = {
    "stopped-exit-0": stopped("EssentialContainerExited", ESSENTIAL, container={"exitCode": 0}),
    "stopped-exit-1": stopped("EssentialContainerExited", ESSENTIAL, container={"exitCode": 1}),
    "stopped-exit-14-launched": stopped("EssentialContainerExited", ESSENTIAL, container={"exitCode": 14}, group=LAUNCHED),
    "stopped-cannot-pull": stopped("TaskFailedToStart", PULL, container={"reason": PULL}, started=False),
    "stopped-spot": stopped("SpotInterruption", SPOT, container={"exitCode": 16}, capacity_provider="FARGATE_SPOT"),
    "stopped-by-service": stopped(
        "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)", container={"exitCode": 0}
    ),
    "stopped-by-user": stopped("UserInitiated", "Task stopped by user", container={"exitCode": 15}),
    "spot-warning": task_state_change(
        "RUNNING", 4, stopCode="SpotInterruption", stoppedReason=SPOT, stoppingAt="2026-11-02T09:32:10.000Z", capacity_provider="FARGATE_SPOT"
    ),
    # Comes some 25 s before STOPPED; the rule does not let it through, and nothing follows from it.
    "deprovisioning": task_state_change(
        "DEPROVISIONING", 5, stopCode="EssentialContainerExited", stoppedReason=ESSENTIAL, container={"exitCode": 0}, stoppingAt="2026-11-02T09:32:10.000Z"
    ),
}


# ---- Messages of the queues ----


def bus_event(detail_type, detail, number):
    return {
        "version": "0",
        "id": f"9c5a7e10-0000-4000-8000-{number:012d}",
        "detail-type": detail_type,
        "source": "fargate-runners",
        "account": ACCOUNT,
        "time": "2026-11-02T09:30:01Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def job_event(phase, fleet, number, **fields):
    detail = {
        "fleet": fleet,
        "home": True,
        "job_id": JOB_ID + number,
        "run_id": RUN_ID,
        "run_attempt": 1,
        "repository": "octo-org/octo-repo",
        "workflow_name": "CI",
        "name": "build",
        "labels": ["self-hosted", "linux", "x64"],
        "phase": phase,
        "at": QUEUED_AT_MILLISECONDS,
        "seen_at": QUEUED_AT_MILLISECONDS + 900,
        "delivery": delivery(number),
        **fields,
    }
    return bus_event("Job " + phase.replace("_", " ").title(), detail, number)


def sqs_batch(queue, messages):
    records = []
    for number, (message, group) in enumerate(messages, 1):
        body = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
        fifo = {
            "SequenceNumber": str(18849496460467696128 + number),
            "MessageGroupId": group,
            "MessageDeduplicationId": hashlib.sha256(body.encode()).hexdigest(),
        }
        records.append(
            {
                "messageId": f"059f36b4-87a3-44ab-83d2-{number:012d}",
                "receiptHandle": f"AQEBsample{number}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(QUEUED_AT_MILLISECONDS + 1000),
                    "SenderId": "AIDASSYFHUBOBT7F4XT75",
                    "ApproximateFirstReceiveTimestamp": str(QUEUED_AT_MILLISECONDS + 1001),
                    **(fifo if group else {}),
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
                "awsRegion": REGION,
            }
        )
    return {"Records": records}


def runner_stopped(number):
    detail = {
        "fleet": FLEET,
        "task_id": TASK_ID,
        "task_definition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{STACK}-{FLEET}:3",
        "service": f"{STACK}-{FLEET}-3",
        "hosting": {"pull_started_at": QUEUED_AT_MILLISECONDS + 12345, "cpu_units": 1024, "memory_mib": 2048},
        "at": QUEUED_AT_MILLISECONDS + 160000,
        "code": "EssentialContainerExited",
        "reason": ESSENTIAL,
        "exit_code": 0,
    }
    return bus_event("Runner Stopped", detail, number)


BATCHES = {
    # Two fleets in one batch, a repeat, an end before its beginning, and a message that is not one of ours.
    "fleets": sqs_batch(
        f"{STACK}-fleets.fifo",
        [
            (job_event("queued", FLEET, 1), FLEET),
            (job_event("queued", "burst", 2, labels=["self-hosted", "linux", "x64", "burst"]), "burst"),
            (job_event("queued", FLEET, 1), FLEET),
            (job_event("completed", FLEET, 3, conclusion="success", runner_name=RUNNER_NAME), FLEET),
            (job_event("in_progress", FLEET, 3, runner_name=RUNNER_NAME), FLEET),
            (runner_stopped(4), FLEET),
            (bus_event("Runner Done", {"fleet": FLEET, "task_id": TASK_ID}, 5), FLEET),
        ],
    ),
    "fleets-poisoned": sqs_batch(
        f"{STACK}-fleets.fifo", [("this is not JSON", FLEET), (job_event("queued", FLEET, 1), FLEET)]
    ),
    "wake-up": sqs_batch(
        f"{STACK}-wake-up",
        [(bus_event("Look Again", {"fleet": FLEET}, 6), None), (bus_event("Look Again", {"fleet": "burst"}, 7), None)],
    ),
}
RETRIES = {"retry": sqs_batch(f"{STACK}-deregister-retry", [(TASKS["stopped-exit-1"], None)])}


# ---- What starts sweep ----

SWEEPS = {
    # What EventBridge Scheduler sends when it is given no input of ours.
    "schedule": {
        "version": "0",
        "id": "cc44bfd8-9e5a-4d0f-8a6b-3f6f2a7a9c11",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": "2026-11-02T09:35:00Z",
        "region": REGION,
        "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{STACK}-SweepSchedule-1ABCDEFGHIJKL"],
        "detail": "{}",
    },
    "dead-letters": {"healers": ["dead_letters"]},
    "inquiry-github": {"inquiry": "github"},
    "inquiry-job": {"inquiry": {"job": {"repository": "octo-org/octo-repo", "job_id": JOB_ID}}},
}


def samples():
    """What each file holds, by the function that it is for."""
    groups = {"webhook": WEBHOOKS, "register": REGISTRATIONS, "deregister": TASKS | RETRIES, "scale": BATCHES, "sweep": SWEEPS}
    return {
        f"{function}-{name}.json": json.dumps(event, indent=2) + "\n" for function, events in groups.items() for name, event in events.items()
    }


def differences():
    """Names of the files that are not what this writes."""
    wanted = samples()
    present = {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.json")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def main():
    if "--check" in sys.argv[1:]:
        different = differences()
        for name in different:
            print(f"events/{name} differs from what tests/events/generate.py writes")
        sys.exit(1 if different else 0)
    for name, content in samples().items():
        (DIRECTORY / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()

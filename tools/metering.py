"""What the emulator's CloudTrail says besides who called what: which session it was, and what DynamoDB would bill for the call.

MiniStack 1.5 records a call's access key only, and counts DynamoDB's units on request and not for lists and transactions. The units here are those of
AWS's public rules: a strongly consistent read is a unit for each 4 KiB begun, of all items of a list together and of each item of a batch by itself; a
write is a unit for each KiB begun, of the item before or after, whichever is larger, and the same again for each index that shows it; deleting or checking
an item is a write of it as it stands, and of one that is not there a unit; a transaction doubles. A write whose condition fails is billed too. They stand
in the event's `additionalEventData`.
"""

import json
from contextvars import ContextVar

from ministack.services import cloudtrail, dynamodb, sts

READ_BYTES = 4096
WRITES_IN_A_TRANSACTION = 2

units = ContextVar("units", default=None)
record_as_ministack_does = cloudtrail.record_event
handle_as_ministack_does = dynamodb.handle_request


def session_of(access_key):
    """The name of the session that the key belongs to: a function's, or a task's."""
    return sts._sessions.get(access_key, {}).get("Arn", access_key).rsplit("/", 1)[-1]


def record(*, username, access_key_id, **event):
    """Records the call under its session's name, with its units."""
    record_as_ministack_does(username=session_of(access_key_id), access_key_id=access_key_id, **event)
    spent = units.get()
    units.set(None)
    if spent:
        kept = cloudtrail._get_event_queue()[-1]
        kept["CloudTrailEvent"] = json.dumps(json.loads(kept["CloudTrailEvent"]) | {"additionalEventData": spent})


def read_units(size):
    return max(1, -(-size // READ_BYTES))


def writes(action, request):
    """What a call writes: table, item as it stands, and item as it shall be."""
    steps = [{"Put": request}] if action == "PutItem" else request.get("TransactItems", [])
    return [write(kind, step) for entry in steps for kind, step in entry.items()]


def write(kind, step):
    name = step["TableName"]
    match kind:
        case "Put":
            return name, before(name, step["Item"]), step["Item"]
        case "Delete":
            return name, before(name, step["Key"]), None
        case "ConditionCheck":
            # The same before and after, so that no index is written.
            stands = before(name, step["Key"])
            return name, stands, stands
    raise ValueError(f"nobody has said what {kind} costs in a transaction")


def write_units(name, old, new):
    spent = {"table": 0.0, "gsi": {}, "lsi": {}}
    table = dynamodb._tables.get(name, {})
    dynamodb._accumulate_write_capacity(spent, table, old, new)
    return spent["table"] + sum(spent["lsi"].values()) + sum(spent["gsi"].values())


def before(name, item):
    table = dynamodb._tables.get(name)
    return dynamodb._get_item_by_key(table, item) if table else None


async def handle(method, path, headers, body, query_params):
    """Answers a call of DynamoDB as MiniStack does, and notes what it costs."""
    action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    request = json.loads(body) if body else {}
    written = writes(action, request)
    if action == "UpdateItem":
        body = json.dumps(request | {"ReturnConsumedCapacity": "TOTAL"}).encode()
    status, answered, answer = await handle_as_ministack_does(method, path, headers, body, query_params)
    told = json.loads(answer) if answer else {}
    size = dynamodb._item_size_bytes
    if written:
        factor = WRITES_IN_A_TRANSACTION if action == "TransactWriteItems" else 1
        taken = status < 400
        units.set({"write": factor * sum(write_units(name, old, new) if taken else 1.0 for name, old, new in written)})
    elif action == "UpdateItem":
        units.set({"write": told.get("ConsumedCapacity", {}).get("CapacityUnits", 1.0)})
    elif action == "GetItem":
        units.set({"read": read_units(size(told.get("Item", {})))})
    elif action == "Query":
        units.set({"read": read_units(sum(size(item) for item in told.get("Items", [])))})
    elif action == "BatchGetItem":
        asked = sum(len(keys["Keys"]) for keys in request.get("RequestItems", {}).values())
        found = [item for items in told.get("Responses", {}).values() for item in items]
        units.set({"read": sum(read_units(size(item)) for item in found) + asked - len(found)})
    return status, answered, answer


def start():
    """From now on calls are recorded so."""
    cloudtrail.record_event = record
    dynamodb.handle_request = handle

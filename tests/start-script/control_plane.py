"""What a task sees of the world, on loopback: the endpoint of its credentials, and the registration routes behind signature checks.

Signatures are checked with botocore, which shares no code with curl.
"""

import collections
import dataclasses
import hashlib
import http.server
import json
import secrets
import threading

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-central-1"
ROUTES = ("/registrations", "/registrations/ack", "/registrations/lease", "/registrations/done")
MUST_BE_SIGNED = {"host", "x-amz-date", "x-amz-security-token"}


@dataclasses.dataclass
class Call:
    """One call of a registration route, as it came in."""

    path: str
    body: dict
    access_key: str
    signature_is_right: bool
    signed_headers: set


class ControlPlane(http.server.ThreadingHTTPServer):
    """Answers each route from its list of answers, the last of which is repeated; an answer is (status, body[, headers])."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.credentials_path = f"/v2/credentials/{secrets.token_hex(16)}"
        self.issued = {}
        self.credential_failures = 0
        # Of the task itself: what is answered, and its status.
        self.metadata_path = "/v4/" + secrets.token_hex(16)
        self.metadata = (200, b'{"PullStartedAt":"2026-01-31T09:30:00.123456789Z","PullStoppedAt":"2026-01-31T09:30:20Z"}')
        self.calls = []
        self.changed = threading.Condition()
        self.answers = collections.defaultdict(list)
        self.answer("/registrations", (200, registration()))
        self.answer("/registrations/ack", (200, {}))
        self.answer("/registrations/lease", (200, {"answer": "stay", "again_in_seconds": 1}))
        self.answer("/registrations/done", (200, {"answer": "go", "again_in_seconds": 1}))
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def answer(self, path, *answers):
        """Sets the answers of a route, instead of those it had."""
        self.answers[path] = list(answers)

    def issue_credentials(self):
        """New credentials for each call of the endpoint, so that a test sees which ones were used."""
        credentials = {
            "AccessKeyId": f"ASIA{secrets.token_hex(8).upper()}",
            # Characters that must survive quoting in curl's configuration.
            "SecretAccessKey": secrets.token_urlsafe(24) + '+/="\\',
            "Token": secrets.token_urlsafe(300) + "+/==",
        }
        with self.changed:
            self.issued[credentials["AccessKeyId"]] = credentials
        return credentials

    def of(self, path):
        """The calls of one route so far."""
        with self.changed:
            return [call for call in self.calls if call.path == path]

    def wait_for(self, path, count, timeout_seconds=15):
        """The calls of a route, once there are `count` of them."""
        with self.changed:
            came = self.changed.wait_for(lambda: len([c for c in self.calls if c.path == path]) >= count, timeout_seconds)
        if not came:
            raise AssertionError(f"{len(self.of(path))} calls of {path}, not {count}")
        return self.of(path)

    def handle_error(self, request, client_address):
        """A caller that was stopped amid a call is no error here."""


def registration(**changes):
    """A JIT answer of `register`; the configuration is made up."""
    return {
        "kind": "jit",
        "encoded_jit_config": "jit-" + secrets.token_hex(2000),
        "runner_name": "0a1b2c3d-default-" + "e" * 32 + "-1",
        "runner_id": 7,
    } | changes


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        if self.path == server.metadata_path + "/task":
            self._send_bytes(*server.metadata, {})
            return
        with server.changed:
            fails = server.credential_failures > 0
            server.credential_failures -= int(fails)
        known = self.path == server.credentials_path
        self._send(500 if fails else 200 if known else 404, server.issue_credentials() if known and not fails else {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        call = self._check(body)
        server = self.server
        with server.changed:
            answers = server.answers[self.path]
            status, answer, *headers = answers.pop(0) if len(answers) > 1 else answers[0]
            server.calls.append(call)
            server.changed.notify_all()
        if not call.signature_is_right:
            status, answer = 403, {"message": "Forbidden"}
        self._send(status, answer, *headers)

    def _check(self, body):
        if self.headers["authorization"] is None:
            return Call(self.path, json.loads(body), "", False, set())
        scheme, _, fields = self.headers["authorization"].partition(" ")
        fields = dict(field.strip().split("=", 1) for field in fields.split(","))
        access_key, *scope = fields["Credential"].split("/")
        signed = set(fields["SignedHeaders"].split(";"))
        credentials = self.server.issued.get(access_key, {"SecretAccessKey": "", "Token": ""})
        timestamp = self.headers["x-amz-date"]
        right = (
            scheme == "AWS4-HMAC-SHA256"
            and scope == [timestamp[:8], REGION, "execute-api", "aws4_request"]
            and self.headers["x-amz-security-token"] == credentials["Token"]
            and MUST_BE_SIGNED <= signed
            and secrets.compare_digest(fields["Signature"], self._signature(body, signed, access_key, credentials, timestamp))
        )
        return Call(self.path, json.loads(body), access_key, right, signed)

    def _signature(self, body, signed, access_key, credentials, timestamp):
        request = AWSRequest(
            method="POST",
            url=self.server.url + self.path,
            data=body,
            headers={name: self.headers[name] for name in signed},
        )
        request.context["timestamp"] = timestamp
        signer = SigV4Auth(Credentials(access_key, credentials["SecretAccessKey"], credentials["Token"]), "execute-api", REGION)
        canonical = signer.canonical_request(request)
        assert hashlib.sha256(body).hexdigest() in canonical
        return signer.signature(signer.string_to_sign(request, canonical), request)

    def _send(self, status, answer, headers=None):
        self._send_bytes(status, json.dumps(answer).encode(), headers or {})

    def _send_bytes(self, status, body, headers):
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Requests are told by the tests, not by the server."""

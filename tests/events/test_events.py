"""The samples in events/ are what their generator writes, and rightly signed.

    python -m unittest discover -s tests/events
"""

import base64
import json
import re
import shutil
import subprocess
import unittest

import generate
import jsonschema


class Samples(unittest.TestCase):
    def test_files_are_what_the_generator_writes(self):
        self.assertEqual(generate.differences(), [])

    def test_the_readme_lists_every_file_and_the_key(self):
        readme = (generate.DIRECTORY / "README.md").read_text(encoding="utf-8")
        listed = set(re.findall(r"`([a-z0-9-]+\.json)`", readme))
        self.assertEqual(listed, set(generate.samples()))
        self.assertIn(f"`{generate.WEBHOOK_SECRET}`", readme)

    def test_messages_of_the_bus_are_what_the_schemas_say(self):
        schemas = [json.loads(path.read_text(encoding="utf-8")) for path in (generate.DIRECTORY.parent / "docs/events").glob("*.schema.json")]
        by_kind = {kind: schema for schema in schemas for kind in schema["title"].split(" / ")}
        seen = set()
        for event in messages_of_the_bus():
            schema = by_kind[event["detail-type"]]
            jsonschema.validate(event, schema, jsonschema.Draft202012Validator)
            seen.add(event["detail-type"])
            for field in schema["properties"]["detail"]["required"]:
                lacking = {**event, "detail": {name: value for name, value in event["detail"].items() if name != field}}
                with self.assertRaises(jsonschema.ValidationError, msg=field):
                    jsonschema.validate(lacking, schema)
        self.assertGreaterEqual(len(seen), 6)

    @unittest.skipUnless(shutil.which("openssl"), "openssl signs by other code than ours")
    def test_openssl_makes_the_same_signatures(self):
        webhooks = [path for path in generate.DIRECTORY.glob("webhook-*.json")]
        self.assertGreater(len(webhooks), 5)
        for path in webhooks:
            with self.subTest(path.name):
                event = json.loads(path.read_text(encoding="utf-8"))
                body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
                made = subprocess.run(
                    ["openssl", "dgst", "-sha256", "-hmac", generate.WEBHOOK_SECRET], input=body, stdout=subprocess.PIPE, check=True
                ).stdout.decode()
                self.assertEqual(event["headers"]["x-hub-signature-256"], "sha256=" + made.split()[-1])

    def test_the_runners_name_is_one_of_ours(self):
        self.assertLessEqual(len(generate.RUNNER_NAME), 64)


def messages_of_the_bus():
    for name, text in generate.samples().items():
        for record in json.loads(text).get("Records", []) if name.startswith("scale-") else []:
            if record["body"].startswith("{"):
                yield json.loads(record["body"])


if __name__ == "__main__":
    unittest.main()

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


class Samples(unittest.TestCase):
    def test_files_are_what_the_generator_writes(self):
        self.assertEqual(generate.differences(), [])

    def test_the_readme_lists_every_file_and_the_key(self):
        readme = (generate.DIRECTORY / "README.md").read_text(encoding="utf-8")
        listed = set(re.findall(r"`([a-z0-9-]+\.json)`", readme))
        self.assertEqual(listed, set(generate.samples()))
        self.assertIn(f"`{generate.WEBHOOK_SECRET}`", readme)

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


if __name__ == "__main__":
    unittest.main()

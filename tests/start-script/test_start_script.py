"""The start script against a control plane and a runner that a test steers.

    python -m unittest discover -s tests/start-script
"""

import contextlib
import pathlib
import time
import unittest

from control_plane import ROUTES, ControlPlane, registration
from extract_start_script import start_script
from task import Task

REGISTER, ACK, LEASE, DONE = ROUTES


class StartScript(unittest.TestCase):
    """A fresh control plane for each test."""

    def setUp(self):
        self.control_plane = ControlPlane()
        self.addCleanup(self.control_plane.server_close)
        self.addCleanup(self.control_plane.shutdown)

    def task(self, **environment):
        return Task(self.control_plane, **environment)

    def paths(self):
        return [call.path for call in self.control_plane.calls]

    def assert_never_listened(self, task):
        self.assertFalse((task.directory / "pid").exists(), "the runner was started")


class Source(unittest.TestCase):
    def test_stays_what_the_template_engine_and_the_task_definition_can_carry(self):
        script = start_script()
        self.assertTrue(script.isascii(), "CloudFormation replaces other characters")
        self.assertNotIn("{{", script, "CloudFormation would look for a dynamic reference")
        self.assertLess(len(script), 32 * 1024, "a task definition holds 64 KiB in all")


class Registration(StartScript):
    def test_a_job_from_registration_to_exit(self):
        with self.task() as task:
            task.order("job")
            task.wait_for_file("step.environ")
            task.order("complete")
            self.assertEqual(task.exit_code(), 0)
            self.assertIn("Listening for Jobs", task.output)
            self.assertIn("completed with result: Succeeded", task.output)
        calls = self.control_plane.calls
        self.assertEqual([path for path in self.paths() if path != LEASE], [REGISTER, ACK, DONE])
        self.assertEqual(calls[1].body["runner_name"], registration()["runner_name"], "it acknowledges what it has got")
        self.assertEqual(calls[-1].body["outcome"], "job")
        self.assertEqual({call.signature_is_right for call in calls}, {True})
        self.assertEqual(len({call.body["nonce"] for call in calls}), 1, "one nonce for the task's whole life")
        self.assertRegex(calls[0].body["nonce"], "^[0-9a-f]{32,}$")

    def test_tells_when_its_image_was_pulled_and_goes_on_without_where_it_cannot_know(self):
        cases = (
            ("known", (200, b'{"PullStartedAt":"2026-01-31T09:30:00.123456789Z"}'), "2026-01-31T09:30:00.123456789Z"),
            ("not yet", (200, b'{"DesiredStatus":"RUNNING"}'), None),
            ("no time", (200, b'{"PullStartedAt":"\\" , \\"nonce\\":\\"x"}'), None),
            ("no answer", (500, b""), None),
            ("no JSON", (200, b"<html>"), None),
        )
        for name, answer, told in cases:
            with self.subTest(name):
                self.control_plane.metadata = answer
                before = len(self.control_plane.of(REGISTER))
                with self.task(ECS_CONTAINER_METADATA_URI_V4=self.control_plane.url + self.control_plane.metadata_path):
                    call = self.control_plane.wait_for(REGISTER, before + 1)[before]
                self.assertEqual(call.body.get("pull_started_at"), told)
                self.assertTrue(call.signature_is_right)

    def test_every_call_is_signed_with_credentials_of_its_own(self):
        with self.task():
            calls = self.control_plane.wait_for(LEASE, 2)
        keys = [call.access_key for call in self.control_plane.calls]
        self.assertEqual(len(keys), len(set(keys)))
        self.assertGreaterEqual(len(keys), 4)
        self.assertTrue(all(call.signature_is_right for call in calls))

    def test_two_tasks_have_two_nonces(self):
        with self.task(), self.task():
            first, second = self.control_plane.wait_for(REGISTER, 2)
        self.assertNotEqual(first.body["nonce"], second.body["nonce"])

    def test_asks_again_when_told_to_and_when_the_answer_is_lost(self):
        again = {"retry-after": "1"}
        self.control_plane.answer(
            REGISTER,
            (429, {"message": "slow"}, again),
            (503, {"message": "protection"}, again),
            (500, {}),
            (200, {"kind": "jit"}, again),
            (200, registration()),
        )
        self.control_plane.answer(ACK, (503, {}), (429, {}, again), (200, {}))
        with self.task(BOOT_SECONDS="60") as task:
            self.control_plane.wait_for(ACK, 3)
            task.wait_for_file("pid")
        self.assertEqual(self.paths()[:8], [REGISTER] * 5 + [ACK] * 3)
        self.assertEqual(len({call.body["nonce"] for call in self.control_plane.calls}), 1)

    def test_waits_at_least_as_long_as_retry_after_says(self):
        self.control_plane.answer(REGISTER, (429, {}, {"retry-after": "3"}), (200, registration()))
        started = time.monotonic()
        with self.task() as task:
            self.control_plane.wait_for(REGISTER, 2)
            self.assertGreaterEqual(time.monotonic() - started, 3)
            task.wait_for_file("pid")

    def test_a_control_plane_that_cannot_be_reached_is_asked_until_the_boot_time_is_over(self):
        with self.task(REGISTRATIONS_URL="http://127.0.0.1:9", BOOT_SECONDS="3") as task:
            self.assertEqual(task.exit_code(), 11)
            self.assert_never_listened(task)

    def test_a_task_without_credentials_for_a_moment_asks_again_and_never_unsigned(self):
        self.control_plane.credential_failures = 2
        with self.task() as task:
            task.wait_for_file("pid")
        self.assertEqual(self.paths()[:2], [REGISTER, ACK])
        self.assertEqual({call.signature_is_right for call in self.control_plane.calls}, {True})

    def test_a_refusal_for_now_never_ends_a_task_before_its_boot_time(self):
        self.control_plane.answer(REGISTER, (429, {}, {"retry-after": "300"}))
        with self.task(BOOT_SECONDS="3") as task:
            self.assertEqual(task.exit_code(), 11)
        self.assertEqual(self.paths(), [REGISTER] * 2, "once more when the time is over, and not before")

    def test_final_answers(self):
        for path, status, code in ((REGISTER, 409, 0), (REGISTER, 403, 10), (ACK, 409, 0), (ACK, 403, 13)):
            with self.subTest(path=path, status=status):
                self.control_plane.answer(REGISTER, (200, registration()))
                self.control_plane.answer(path, (status, {"message": "no"}))
                with self.task() as task:
                    self.assertEqual(task.exit_code(), code)
                    self.assert_never_listened(task)

    def test_an_acknowledgement_that_gets_no_answer_starts_no_runner(self):
        self.control_plane.answer(ACK, (500, {}))
        with self.task(BOOT_SECONDS="3") as task:
            self.assertEqual(task.exit_code(), 13)
            self.assert_never_listened(task)

    def test_says_what_the_environment_lacks(self):
        for name in ("REGISTRATIONS_URL", "AWS_REGION", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            with self.subTest(name), self.task(**{name: None}) as task:
                self.assertEqual(task.exit_code(), 12)
        with self.task(BOOT_SECONDS="soon") as task:
            self.assertEqual(task.exit_code(), 12)
            self.assertIn("BOOT_SECONDS", task.output)

    def test_a_registration_token_configures_the_runner_first(self):
        self.control_plane.answer(
            REGISTER,
            (
                200,
                {
                    "kind": "token",
                    "token": "AAATOKEN",
                    "url": "https://github.com/octo-org",
                    "runner_name": "0a1b2c3d-default-x-1",
                    "labels": "self-hosted,linux",
                    "runner_group": "big ones",
                },
            ),
        )
        with self.task() as task:
            arguments = task.wait_for_file("listener.arguments")
            self.assertEqual(arguments.strip(), "")
            configured = task.wait_for_file("config.arguments").splitlines()
            self.assertEqual(task.wait_for_file("config.token"), "AAATOKEN")
            self.assertNotIn("AAATOKEN", task.wait_for_file("listener.environ"))
        for option in ("--unattended", "--ephemeral", "--disableupdate", "--replace"):
            self.assertIn(option, configured)
        for option, value in (("--url", "https://github.com/octo-org"), ("--labels", "self-hosted,linux"), ("--runnergroup", "big ones")):
            self.assertEqual(configured[configured.index(option) + 1], value)
        self.assertNotIn("AAATOKEN", configured)


class Secrets(StartScript):
    def test_nothing_secret_shows(self):
        answer = registration()
        self.control_plane.answer(REGISTER, (429, {}, {"retry-after": "1"}), (200, answer))
        seen = ""
        with self.task() as task:
            while not (task.directory / "pid").exists():
                seen += self._arguments(task)
            task.order("job")
            step = task.wait_for_file("step.environ")
            seen += self._arguments(task)
            configured = task.wait_for_file("listener.environ")
            script_environment = pathlib.Path(f"/proc/{task.process.pid}/environ").read_text()
            task.order("complete")
            self.assertEqual(task.exit_code(), 0)
            output = task.output
        configuration = answer["encoded_jit_config"]
        self.assertIn(f"ACTIONS_RUNNER_INPUT_JITCONFIG={configuration}", configured, "the listener itself needs it")
        secret = {configuration, self.control_plane.calls[0].body["nonce"]}
        for credentials in self.control_plane.issued.values():
            secret |= {credentials["SecretAccessKey"], credentials["Token"]}
        for name, text in (("arguments", seen), ("a step's environment", step), ("the script's environment", script_environment), ("output", output)):
            # assertFalse, not assertNotIn: a failure must not print them either.
            self.assertFalse(any(value in text for value in secret), f"a secret stands in {name}")
        self.assertFalse(self.control_plane.calls[0].body["nonce"] in configured, "the runner has no use for the nonce")

    @staticmethod
    def _arguments(task):
        text = ""
        for pid in task.pids():
            with contextlib.suppress(OSError):
                text += pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        return text


class Leases(StartScript):
    def test_idle_it_asks_and_leaves_when_told(self):
        self.control_plane.answer(
            LEASE,
            (200, {"answer": "stay", "again_in_seconds": 1}),
            (503, {}),
            (200, {"answer": "leave", "again_in_seconds": 1}),
        )
        with self.task() as task:
            self.assertEqual(task.exit_code(), 0)
            self.assertEqual(task.wait_for_file("signals"), "interrupted\n")
        self.assertEqual(self.paths(), [REGISTER, ACK, LEASE, LEASE, LEASE, DONE])
        self.assertEqual(self.control_plane.of(DONE)[0].body["outcome"], "left")

    def test_a_task_that_need_not_announce_its_end_does_not(self):
        self.control_plane.answer(ACK, (200, {"announce": "no"}))
        with self.task() as task:
            task.order("job")
            task.order("complete")
            self.assertEqual(task.exit_code(), 0)
        self.assertEqual(self.control_plane.of(DONE), [])

    def test_a_task_that_was_told_to_leave_announces_the_job_that_came(self):
        self.control_plane.answer(ACK, (200, {"announce": "no"}))
        self.control_plane.answer(LEASE, (200, {"answer": "leave", "again_in_seconds": 1}))
        with self.task(GRACE_SECONDS="15") as task:
            self.control_plane.wait_for(LEASE, 1)
            task.order("job")
            task.wait_for_output("finishing it first")
            task.order("complete")
            self.assertEqual(task.exit_code(), 0)
        self.assertEqual(self.control_plane.of(DONE)[0].body["outcome"], "job")

    def test_a_job_that_comes_in_the_grace_period_is_finished_first(self):
        for order in ("job", "worker"):
            with self.subTest(order):
                self.control_plane.calls.clear()
                self.control_plane.answer(LEASE, (200, {"answer": "leave", "again_in_seconds": 1}))
                with self.task(GRACE_SECONDS="15") as task:
                    self.control_plane.wait_for(LEASE, 1)
                    task.order(order)
                    task.wait_for_output("finishing it first")
                    task.order("complete")
                    self.assertEqual(task.exit_code(), 0)
                    self.assertFalse((task.directory / "signals").exists())
                self.assertEqual(self.control_plane.of(DONE)[0].body["outcome"], "job")

    def test_no_lease_is_asked_for_while_a_worker_runs(self):
        with self.task() as task:
            task.order("worker")
            task.wait_for_file("worker")
            asked = len(self.control_plane.of(LEASE))
            with self.assertRaises(AssertionError):
                self.control_plane.wait_for(LEASE, asked + 2, timeout_seconds=4)

    def test_workers_of_another_task_do_not_count(self):
        with self.task() as busy, self.task() as idle:
            busy.order("worker")
            busy.wait_for_file("worker")
            idle.wait_for_file("pid")
            asked = len(self.control_plane.of(LEASE))
            self.control_plane.wait_for(LEASE, asked + 3)

    def test_without_any_answer_it_leaves_in_the_end_and_not_as_a_success(self):
        self.control_plane.answer(LEASE, (500, {}))
        with self.task(ORPHAN_SECONDS="3") as task:
            self.assertEqual(task.exit_code(), 14)
        self.assertEqual(self.control_plane.of(DONE), [])


class Ends(StartScript):
    def test_waits_as_long_as_it_is_told_to(self):
        self.control_plane.answer(
            DONE, (200, {"answer": "wait", "again_in_seconds": 1}), (500, {}), (200, {"answer": "go", "again_in_seconds": 1})
        )
        with self.task(DONE_SECONDS="30") as task:
            task.order("job")
            task.order("complete")
            self.assertEqual(task.exit_code(), 0)
        self.assertEqual(len(self.control_plane.of(DONE)), 3)

    def test_waits_no_longer_than_its_limit(self):
        self.control_plane.answer(DONE, (200, {"answer": "wait", "again_in_seconds": 1}))
        with self.task(DONE_SECONDS="3") as task:
            task.order("job")
            task.order("complete")
            self.assertEqual(task.exit_code(), 0)

    def test_a_listener_that_ends_without_a_job_is_no_success(self):
        with self.task() as task:
            task.order("crash")
            self.assertEqual(task.exit_code(), 14)
        self.assertEqual(self.control_plane.of(DONE), [])

    def test_a_listener_that_ends_amid_a_job_is_no_success(self):
        with self.task() as task:
            task.order("job")
            task.order("crash")
            self.assertEqual(task.exit_code(), 14)

    def test_says_that_the_runner_is_too_old(self):
        with self.task() as task:
            task.order("old")
            self.assertEqual(task.exit_code(), 14)
            self.assertIn("the image is too old", task.output)

    def test_a_listener_that_does_not_end_is_ended(self):
        self.control_plane.answer(LEASE, (200, {"answer": "leave", "again_in_seconds": 1}))
        with self.task(END_SECONDS="2") as task:
            (task.directory / "deaf").touch()
            self.assertEqual(task.exit_code(), 0)


class Stops(StartScript):
    def test_before_registration(self):
        self.control_plane.answer(REGISTER, (429, {}, {"retry-after": "10"}))
        with self.task() as task:
            self.control_plane.wait_for(REGISTER, 1)
            started = time.monotonic()
            task.stop()
            self.assertEqual(task.exit_code(), 15)
            self.assertLess(time.monotonic() - started, 5)

    def test_idle(self):
        with self.task(LEASE_SECONDS="60") as task:
            task.wait_for_file("pid")
            task.stop()
            self.assertEqual(task.exit_code(), 15)
            self.assertEqual(task.wait_for_file("signals"), "interrupted\n")

    def test_a_job_goes_on_and_may_complete(self):
        with self.task() as task:
            task.order("job")
            task.wait_for_file("step.environ")
            task.stop()
            task.order("complete")
            self.assertEqual(task.exit_code(), 0)
            self.assertFalse((task.directory / "signals").exists())

    def test_a_job_is_cancelled_shortly_before_the_end(self):
        with self.task(STOP_SECONDS="4") as task:
            task.order("job")
            task.wait_for_file("step.environ")
            started = time.monotonic()
            task.stop()
            self.assertEqual(task.exit_code(), 16)
            self.assertGreaterEqual(time.monotonic() - started, 2)
            self.assertIn("completed with result: Canceled", task.output)

    def test_while_waiting_to_exit(self):
        self.control_plane.answer(DONE, (200, {"answer": "wait", "again_in_seconds": 20}))
        with self.task(DONE_SECONDS="20") as task:
            task.order("job")
            task.order("complete")
            self.control_plane.wait_for(DONE, 1)
            started = time.monotonic()
            task.stop()
            self.assertEqual(task.exit_code(), 0)
            self.assertLess(time.monotonic() - started, 5)


if __name__ == "__main__":
    unittest.main()

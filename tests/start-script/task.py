"""Runs the start script as a task would, with a stand-in for GitHub's runner that a test steers."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from control_plane import REGION
from extract_start_script import start_script

# A listener that prints what the real one prints, does what the test writes into `orders`, and writes down its environment and its pid.
# As in the real one, a SIGINT cancels a running job; and the steps of a job do not inherit the listener's configuration.
RUN_SH = r"""#!/usr/bin/env bash
cd "$(dirname "$0")" || exit 1
say() { printf '%s: %s\n' "$(date -u '+%Y-%m-%d %H:%M:%SZ')" "$1"; }
worker=''
finish() {
  [[ -z $worker ]] || { kill "$worker"; wait "$worker"; } 2>/dev/null
  [[ -z $worker ]] || say "Job build completed with result: $1"
  exit 0
}
interrupted=''
[[ ${RUNNER_MANUALLY_TRAP_SIG:-} == 1 ]] && trap 'interrupted=yes' INT
tr '\0' '\n' </proc/$$/environ >listener.environ
printf '%s\n' "$@" >listener.arguments
unset ACTIONS_RUNNER_INPUT_JITCONFIG
[[ -e deaf ]] && trap '' INT
mkfifo orders
exec 3<>orders
echo $$ >pid.new && mv pid.new pid
say 'Listening for Jobs'
while :; do
  order=''
  read -r -t 1 -u 3 order
  [[ -z $interrupted ]] || { echo interrupted >>signals; finish Canceled; }
  case $order in
    job) say 'Running job: build'; bin/Runner.Worker 1000 & worker=$!; env >step.environ.new; mv step.environ.new step.environ ;;
    worker) bin/Runner.Worker 1000 & worker=$!; echo $worker >worker.new; mv worker.new worker ;;
    complete) finish Succeeded ;;
    crash) exit 0 ;;
    old) echo 'Runner version v2.300.0 is deprecated and cannot receive messages.'; exit 0 ;;
  esac
done
"""

CONFIG_SH = r"""#!/usr/bin/env bash
cd "$(dirname "$0")" || exit 1
printf '%s\n' "$@" >config.arguments
printf '%s' "${ACTIONS_RUNNER_INPUT_TOKEN:-}" >config.token
"""

DEADLINE_SECONDS = 20


class Task:
    """A task's process. `with Task(control_plane) as task:`; whatever it left running is ended afterwards."""

    def __init__(self, control_plane, **environment):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="start-script-"))
        (self.directory / "bin").mkdir()
        # The name of a process is that of its file.
        shutil.copy(shutil.which("sleep"), self.directory / "bin" / "Runner.Worker")
        for name, content in (("run.sh", RUN_SH), ("config.sh", CONFIG_SH)):
            (self.directory / name).write_text(content)
            (self.directory / name).chmod(0o755)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "RUNNER_DIR": str(self.directory),
            "REGISTRATIONS_URL": control_plane.url,
            "AWS_REGION": REGION,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": control_plane.url + control_plane.credentials_path,
            "LEASE_SECONDS": "1",
            "BOOT_SECONDS": "15",
            "GRACE_SECONDS": "1",
            "DONE_SECONDS": "6",
            "STOP_SECONDS": "120",
            "END_SECONDS": "5",
        } | environment
        self.process = None
        self.output = ""

    def __enter__(self):
        environment = {name: value for name, value in self.environment.items() if value is not None}
        self.process = subprocess.Popen(
            ["bash", "-c", start_script()],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        self.process.stdout.close()
        shutil.rmtree(self.directory)

    def _read(self):
        for line in self.process.stdout:
            self.output += line

    def pids(self):
        """All processes of the task, which is a session of its own."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.getsid(int(entry.name)) == self.process.pid:
                    found.append(int(entry.name))
            except ProcessLookupError:
                pass
        return found

    def order(self, word):
        """Has the stand-in for the runner do something, once it listens."""
        self.wait_for_file("pid")
        with open(self.directory / "orders", "w", encoding="ascii") as orders:
            orders.write(word + "\n")

    def wait_for_file(self, name):
        """The content of a file that the stand-in writes."""
        path = self.directory / name
        poll(path.exists, f"{name} was not written")
        return path.read_text()

    def wait_for_output(self, pattern):
        """Waits until a line of output matches."""
        poll(lambda: re.search(pattern, self.output), lambda: f"{pattern!r} is not in: {self.output}")

    def stop(self):
        """What ECS does first when it stops a task: the signal comes to the script alone."""
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self):
        """The script's exit code, when it has ended."""
        code = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(1)
        return code


def poll(condition, message):
    """Returns when the condition holds, raises when it does not in time."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(message() if callable(message) else message)
        time.sleep(0.02)

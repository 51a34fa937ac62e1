//! A program that runs in the background for as long as this one lives, and not a moment longer: whatever it starts is in its process group, and the group
//! ends with us, be it by an orderly stop, a panic, Ctrl-C, or a signal that nobody can catch.

use std::fs::File;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{Instant, sleep};

use crate::problem::{Outcome, Problem};

/// How long a service may take to end in an orderly way before it is killed.
const ORDERLY_STOP: Duration = Duration::from_secs(5);

/// How often to look whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Starts the service, and waits at a pipe that only our end closes: should we die without a word, the group is taken down all the same. Its last act is to
/// kill the whole group, so that with it everything has ended.
const WATCHDOG: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
service=$!
trap '' TERM
{ read -r _ <&3; kill -TERM 0; sleep 3; kill -KILL 0; } &
exec 3<&-
wait "$service"
kill -KILL 0
"#;

/// A running service; dropped, it is killed.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    child: Child,
    group: Option<Pid>,
    /// Never written to: its closing is the message.
    leash: Option<ChildStdin>,
}

impl Service {
    /// Starts the program in a process group of its own, with its output in a file.
    pub fn start(name: &'static str, program: &Command, log: &Path) -> Outcome<Self> {
        use std::os::unix::process::CommandExt as _;

        let log = File::create(log)?;
        let mut watched = Command::new("bash");
        watched.args(["-c", WATCHDOG, name]).arg(program.get_program()).args(program.get_args()).env_clear();
        for (key, value) in program.get_envs() {
            if let Some(value) = value {
                watched.env(key, value);
            }
        }
        watched.process_group(0).stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        let mut child = watched.spawn().map_err(|error| Problem::new(format!("{name} could not be started: {error}")))?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let leash = child.stdin.take();
        Ok(Self { name, child, group, leash })
    }

    /// An error when it has ended by itself.
    pub fn check(&mut self) -> Outcome {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(Problem::new(format!("{} ended by itself ({status})", self.name))),
        }
    }

    /// Ends it and whatever it started, and waits until all of it is gone.
    pub async fn stop(mut self) {
        self.leash = None;
        let deadline = Instant::now() + ORDERLY_STOP;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            sleep(LOOK).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // An error says that it is gone already, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stopped_service_ends_in_its_own_time() -> Outcome {
        let mut program = Command::new("bash");
        program.args(["-c", "sleep 600 & sleep 600"]).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let mut service = Service::start("sleepers", &program, Path::new("/dev/null"))?;
        service.check()?;
        let started = Instant::now();
        service.stop().await;
        assert!(started.elapsed() < ORDERLY_STOP);
        Ok(())
    }
}

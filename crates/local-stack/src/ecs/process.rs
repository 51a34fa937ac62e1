//! One container, as a process group: the task definition's command in the environment that Fargate gives, its output line by line, its end reported.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fargate_runners_model_ecs::{Launch, Report};
use rustix::process::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::config::{EcsConfig, Observation, Stream};
use super::folder;
use super::host::Host;
use super::side::AwsSide;

/// A longer line is cut into several, so that a job cannot fill the memory with one.
const LONGEST_LINE: u64 = 64 * 1_024;
/// The readers of a dead container's output get this long to read what is left.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The exit code of what was ended by a signal: this and the signal's number.
const SIGNALLED: i32 = 128;

pub(super) async fn run<A: AwsSide>(host: Arc<Host<A>>, task_id: String) {
    let report = match start(&host, &task_id).await {
        Ok((child, readers)) => Report::Exited { task_id: task_id.clone(), code: wait(&host, &task_id, child, readers).await },
        Err(error) => Report::FailedToStart { task_id: task_id.clone(), reason: format!("CannotStartContainerError: {error}") },
    };
    host.gone(&task_id);
    if !host.shared.config.keep_homes {
        let home = folder::home_of(&host.shared.config.work_folder, &task_id);
        drop(tokio::task::spawn_blocking(move || std::fs::remove_dir_all(home)).await);
    }
    match &report {
        Report::Exited { code, .. } => host.shared.config.observe(Observation::Exited { task_id, code: *code }),
        Report::FailedToStart { reason, .. } => host.shared.config.problem(format!("the task {task_id} did not start: {reason}")),
        Report::Started { .. } => {}
    }
    host.report(&report);
}

async fn start<A: AwsSide>(host: &Arc<Host<A>>, task_id: &str) -> io::Result<(Child, [JoinHandle<()>; 2])> {
    let _place = host.starts.acquire().await.map_err(io::Error::other)?;
    if host.is_closing() {
        return Err(io::Error::other("the host is closing"));
    }
    let launch = host.shared.model().launch(task_id).ok_or_else(|| io::Error::other("the task is unknown"))?;
    let config = host.shared.config.clone();
    let (runner, work, id) = (config.runner_folder.clone(), config.work_folder.clone(), task_id.to_owned());
    let home = tokio::task::spawn_blocking(move || folder::prepare(&runner, &work, &id)).await.map_err(io::Error::other)??;
    let log = Arc::new(Mutex::new(File::create(folder::log_of(&config.work_folder, task_id))?));
    let mut words = launch.entry_point.iter().chain(&launch.command);
    let program = words.next().ok_or_else(|| io::Error::other("the task definition has neither entry point nor command"))?;
    let environment = environment(&config, &launch, &home, host.endpoints.metadata_uri(task_id), host.endpoints.open(&launch)?);
    let mut child = Command::new(program)
        .args(words)
        .env_clear()
        .envs(environment)
        .current_dir(&home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let readers =
        [read(child.stdout.take(), Stream::Out, task_id, &config, &log), read(child.stderr.take(), Stream::Err, task_id, &config, &log)];
    if let Some(pid) = pid(&child)
        && host.began(task_id, pid)
    {
        config.observe(Observation::Started { task_id: task_id.to_owned(), pid: pid.as_raw_nonzero().get() });
        host.report(&Report::Started { task_id: task_id.to_owned() });
    }
    Ok((child, readers))
}

async fn wait<A: AwsSide>(host: &Arc<Host<A>>, task_id: &str, mut child: Child, readers: [JoinHandle<()>; 2]) -> i32 {
    let pid = pid(&child);
    let status = child.wait().await;
    let (cleaner, id) = (Arc::clone(host), task_id.to_owned());
    drop(tokio::task::spawn_blocking(move || cleaner.ended(&id, pid)).await);
    for reader in readers {
        // Whoever still holds the pipe has been killed; this is for the lines that are in it.
        drop(tokio::time::timeout(LAST_WORDS, reader).await);
    }
    status.map_or(SIGNALLED, exit_code)
}

fn pid(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| SIGNALLED + status.signal().unwrap_or_default())
}

/// What a container on Fargate finds in its environment: the image's, Fargate's, the task definition's; and what is different on this machine.
fn environment(
    config: &EcsConfig,
    launch: &Launch,
    home: &Path,
    metadata_uri: String,
    credentials_uri: String,
) -> BTreeMap<String, String> {
    let home = home.to_string_lossy().into_owned();
    let mut all = launch.environment.clone();
    if let Some(url) = all.get_mut("REGISTRATIONS_URL")
        && let Some(port) = config.emulator_port
    {
        *url = local_api(url, port).unwrap_or_else(|| url.clone());
    }
    let ours = [
        ("PATH", config.path.clone()),
        ("HOME", home.clone()),
        ("RUNNER_DIR", home),
        ("AWS_REGION", config.region.clone()),
        ("AWS_DEFAULT_REGION", config.region.clone()),
        ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE".to_owned()),
        ("HOSTNAME", format!("ip-{}", &launch.task_id[..8.min(launch.task_id.len())])),
        ("ECS_CONTAINER_METADATA_URI_V4", metadata_uri),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", credentials_uri),
    ];
    all.extend(ours.into_iter().map(|(key, value)| (key.to_owned(), value)));
    all.extend(config.extra_environment.clone());
    all
}

/// `https://APIID.execute-api.REGION.amazonaws.com/…` as the emulator serves it.
fn local_api(url: &str, port: u16) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (api, service) = host.split_once('.')?;
    service.starts_with("execute-api.").then(|| format!("http://{api}.execute-api.localhost:{port}{path}"))
}

fn read(
    pipe: Option<impl AsyncRead + Unpin + Send + 'static>,
    stream: Stream,
    task_id: &str,
    config: &EcsConfig,
    log: &Arc<Mutex<File>>,
) -> JoinHandle<()> {
    let (task_id, config, log) = (task_id.to_owned(), config.clone(), Arc::clone(log));
    tokio::spawn(async move {
        let Some(pipe) = pipe else { return };
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut bytes).await.is_ok_and(|count| count > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            bytes.clear();
            // A full disk shows elsewhere; the observer gets the line all the same.
            _ = writeln!(log.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
            config.observe(Observation::Line { task_id: task_id.clone(), stream, line });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::local_api;

    #[test]
    fn maps_only_an_api_of_aws_to_the_emulator() {
        let mapped = local_api("https://abc.execute-api.us-east-1.amazonaws.com/registrations", 4566);
        assert_eq!(mapped.as_deref(), Some("http://abc.execute-api.localhost:4566/registrations"));
        assert_eq!(local_api("https://api.github.com/x", 4566), None);
    }
}

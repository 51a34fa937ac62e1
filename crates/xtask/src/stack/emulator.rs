//! Starts the AWS emulator: bound to the loopback interface, with IAM enforced, and with nothing of the person's environment in it, since the functions that
//! it runs inherit all of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::account;
use crate::problem::{Outcome, Problem};
use crate::project::Project;
use crate::tools::Tools;

use super::lines::{Between, Lines};
use super::run_folder::RunFolder;
use super::service::Service;

/// It starts in a second; on a machine that is busy building, give it more.
const START_WITHIN: Duration = Duration::from_secs(60);

/// One look at its health.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Recorded API calls: a hundred jobs make some thousand.
const RECORDED_CALLS: usize = 200_000;

/// The running emulator.
#[derive(Debug)]
pub struct Emulator {
    service: Service,
    port: u16,
}

impl Emulator {
    /// Starts it on this port and waits until it answers. The functions will find AWS, and ECS instead of the emulator's, at the near ends of these lines.
    pub async fn start(project: &Project, tools: &Tools, run: &RunFolder, port: u16, lines: &Lines) -> Outcome<Self> {
        let mut program = Command::new(tools.program("python"));
        program.arg(project.path("tools/emulator.py"));
        program.env("PATH", tools.path()).env("HOME", run.home()).env("TMPDIR", run.temporary()).env("LANG", "C.UTF-8");
        program.env("BIND_HOST", Ipv4Addr::LOCALHOST.to_string()).env("GATEWAY_PORT", port.to_string());
        program
            .env("AWS_ENDPOINT_URL", lines.between(Between::FunctionsAndAws).endpoint())
            .env("AWS_ENDPOINT_URL_ECS", lines.between(Between::FunctionsAndEcs).endpoint());
        program.env("AWS_ACCESS_KEY_ID", account::ROOT_USER).env("AWS_SECRET_ACCESS_KEY", account::ROOT_USER);
        program.env("AWS_DEFAULT_REGION", account::REGION).env("MINISTACK_REGION", account::REGION);
        program.env("AUTH", "true").env("CLOUDTRAIL_RECORDING", "1").env("CLOUDTRAIL_MAX_EVENTS", RECORDED_CALLS.to_string());
        program.env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0");
        let service = Service::start("the AWS emulator", &program, &run.emulator_log())?;
        let mut emulator = Self { service, port };
        emulator.wait_until_it_answers().await.map_err(|problem| problem.next(format!("see {}", run.emulator_log().display())))?;
        Ok(emulator)
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        address(self.port)
    }

    /// An error when it has ended by itself.
    pub fn check(&mut self) -> Outcome {
        self.service.check()
    }

    /// Ends it and the functions that it runs.
    pub async fn stop(self) {
        self.service.stop().await;
    }

    async fn wait_until_it_answers(&mut self) -> Outcome {
        let deadline = Instant::now() + START_WITHIN;
        while Instant::now() < deadline {
            self.service.check()?;
            if timeout(LOOK_WITHIN, is_healthy(self.port)).await.unwrap_or(false) {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        Err(Problem::new(format!("the AWS emulator did not answer within {} s", START_WITHIN.as_secs())))
    }
}

/// A port that nobody listens on just now.
pub fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn address(port: u16) -> String {
    format!("http://{}:{port}", Ipv4Addr::LOCALHOST)
}

async fn is_healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return false };
    let request = "GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    stream.write_all(request.as_bytes()).await.is_ok()
        && stream.read_to_end(&mut answer).await.is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

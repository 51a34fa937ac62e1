//! A real browser without a screen: Chromium, driven as a person would use it, over WebDriver.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::problem::{Outcome, Problem};
use crate::stack::RunFolder;
use crate::stack::emulator::free_port;
use crate::stack::service::Service;

/// A busy machine takes its time for a browser's start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// Between two tries to reach the driver.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// The longest that something may take to be on a page.
const APPEARS_WITHIN: Duration = Duration::from_secs(60);

/// Headless, nothing of its own on the network, and no sandbox, which containers do not admit.
const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser; dropped, it ends.
pub struct Browser {
    client: Client,
    driver: Service,
}

impl Browser {
    /// Starts one, with a profile of its own.
    pub async fn start(run: &RunFolder) -> Outcome<Self> {
        let (chromium, driver) = (program("chromium")?, program("chromedriver")?);
        let port = free_port()?;
        let mut command = Command::new(driver);
        command.arg(format!("--port={port}"));
        command.env("PATH", env::var_os("PATH").unwrap_or_default()).env("HOME", run.home()).env("TMPDIR", run.temporary());
        let mut driver = Service::start("chromedriver", &command, &run.path().join("browser.log"))?;
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", run.temporary().join("chromium").display()));
        let options = json!({ "binary": chromium, "args": flags });
        let capabilities = [("goog:chromeOptions".to_owned(), options)].into_iter().collect();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let deadline = Instant::now() + STARTS_WITHIN;
        loop {
            driver.check()?;
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => return Ok(Self { client, driver }),
                Err(error) if Instant::now() > deadline => {
                    return Err(Problem::new(format!("no browser within {} s: {error}", STARTS_WITHIN.as_secs())));
                }
                Err(_) => sleep(TRY_EVERY).await,
            }
        }
    }

    /// Goes to an address.
    pub async fn open(&self, address: &str) -> Outcome {
        self.client.goto(address).await.map_err(|error| failed("opening the page", &error))
    }

    /// Presses a button or a link as soon as it is there, also on a page that loads itself again meanwhile.
    pub async fn press(&self, css: &str) -> Outcome {
        let deadline = Instant::now() + APPEARS_WITHIN;
        loop {
            let pressed = async { self.client.find(Locator::Css(css)).await?.click().await };
            match pressed.await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(failed(css, &error)),
                Err(_) => sleep(TRY_EVERY).await,
            }
        }
    }

    /// What is written there, as soon as it is there.
    pub async fn read(&self, css: &str) -> Outcome<String> {
        let deadline = Instant::now() + APPEARS_WITHIN;
        loop {
            let read = async { self.client.find(Locator::Css(css)).await?.text().await };
            match read.await {
                Ok(text) => return Ok(text),
                Err(error) if Instant::now() > deadline => return Err(failed(css, &error)),
                Err(_) => sleep(TRY_EVERY).await,
            }
        }
    }

    /// Turns to the tab that was opened last, or back to the first.
    pub async fn turn_to(&self, tab: Tab) -> Outcome {
        let deadline = Instant::now() + APPEARS_WITHIN;
        loop {
            let windows = self.client.windows().await.map_err(|error| failed("the tabs", &error))?;
            let wanted = match tab {
                Tab::First => windows.first(),
                Tab::Second => windows.get(1),
            };
            if let Some(window) = wanted {
                return self.client.switch_to_window(window.clone()).await.map_err(|error| failed("turning to a tab", &error));
            }
            if Instant::now() > deadline {
                return Err(Problem::new("no second tab was opened"));
            }
            sleep(TRY_EVERY).await;
        }
    }

    /// Ends it.
    pub async fn close(self) {
        // Whatever it says: the driver ends next, and takes the browser along.
        drop(self.client.close().await);
        self.driver.stop().await;
    }
}

/// Which tab.
#[derive(Debug, Clone, Copy)]
pub enum Tab {
    /// The one that was there.
    First,
    /// The one that a link opened.
    Second,
}

fn failed(what: &str, error: &fantoccini::error::CmdError) -> Problem {
    Problem::new(format!("in the browser, {what}: {error}"))
}

fn program(name: &str) -> Outcome<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| {
        Problem::new(format!("{name} is needed and was not found"))
            .next("install it with the system's package manager (on Debian: apt-get install chromium chromium-driver)")
    })
}

//! What a person is asked to enter. What it must never do: hold the program up once that is to end, show a secret, or leave a terminal without its echo.
//!
//! A read that blocks cannot be called off. So it is made in a thread of its own that nobody waits for, and what was done to the terminal is undone by
//! whoever waited for the answer: also when Ctrl-C or the time limit ends the waiting.

use crate::error::CliError;
use crate::screen::Screen;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret as _, SecretString};
use std::io::{BufRead as _, IsTerminal as _, Read as _, stdin};
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The longest that a person may take to answer. What is asked for is made on GitHub's pages first, perhaps after another factor or a colleague's word, which
/// takes minutes; a terminal that was forgotten must not go on with somebody's rights hours later.
const ANSWERED_WITHIN: Duration = Duration::from_secs(900);

/// Longer than any token and any path: what is piped in by mistake is not read to its end.
const ANSWER_BYTES_MAX: u64 = 4096;

/// What is asked for.
pub struct Asked {
    /// As a sentence begins with it: `the token`.
    pub what: &'static str,
    /// How it can be given without being asked for.
    pub instead: &'static str,
}

impl Asked {
    /// A line, as it is typed.
    pub async fn line(&self, screen: &Screen, question: &str) -> Result<String, CliError> {
        screen.note(question);
        Ok(self.answer(first_line).await?.expose_secret().to_owned())
    }

    /// A secret: a line that is not shown while it is typed, or all that another program pipes in.
    pub async fn secret(&self, screen: &Screen, question: &str) -> Result<SecretString, CliError> {
        if !stdin().is_terminal() {
            return self.answer(all).await;
        }
        let _hidden = Hidden::on(stdin()).map_err(|error| CliError::call("taking the echo from the terminal", error))?;
        screen.note(question);
        self.answer(first_line).await
    }

    async fn answer(&self, read: impl FnOnce() -> std::io::Result<String> + Send + 'static) -> Result<SecretString, CliError> {
        let failed = |error: std::io::Error| CliError::call(format!("reading {}", self.what), error);
        let (sender, answer) = oneshot::channel();
        // Whoever asked may be gone by then.
        let reading = move || drop(sender.send(read().map(SecretString::from)));
        std::thread::Builder::new().name("prompt".to_owned()).spawn(reading).map_err(failed)?;
        let text = match timeout(ANSWERED_WITHIN, answer).await {
            Ok(Ok(read)) => read.map_err(failed)?,
            Ok(Err(_)) => return Err(failed(std::io::ErrorKind::BrokenPipe.into())),
            Err(_) => {
                let minutes = ANSWERED_WITHIN.as_secs() / 60;
                return Err(CliError::Given(format!(
                    "{} was not entered within {minutes} minutes, and nothing was changed: run the same command again, or {}",
                    self.what, self.instead
                )));
            }
        };
        let text = text.expose_secret().trim();
        if text.is_empty() {
            return Err(CliError::Given(format!("{} was not entered: run the same command again, or {}", self.what, self.instead)));
        }
        Ok(text.into())
    }
}

fn first_line() -> std::io::Result<String> {
    let mut line = String::new();
    stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut line)?;
    Ok(line)
}

fn all() -> std::io::Result<String> {
    let mut text = String::new();
    stdin().lock().take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// A terminal that shows nothing of what is typed, as long as this lives. Ctrl-C stays a signal.
struct Hidden<T: AsFd> {
    terminal: T,
    before: Termios,
}

impl<T: AsFd> Hidden<T> {
    fn on(terminal: T) -> std::io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown all the same, so that what follows begins on one of its own.
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl<T: AsFd> Drop for Hidden<T> {
    fn drop(&mut self) {
        // What was typed and not read is thrown away: a shell would show it. A terminal that is gone needs nothing.
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    use std::os::fd::OwnedFd;

    const TOKEN: Asked = Asked { what: "the token", instead: "name a file that holds it with --token-file" };

    /// Both ends of a terminal.
    fn terminal() -> (OwnedFd, OwnedFd) {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ioctl_tiocgptpeer(&ours, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        (ours, theirs)
    }

    fn shows(terminal: &OwnedFd) -> bool {
        tcgetattr(terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    #[test]
    fn a_terminal_hides_what_is_typed_for_as_long_as_it_is_asked_to_and_ctrl_c_stays_a_signal() {
        let (_ours, terminal) = terminal();
        assert!(shows(&terminal));
        {
            let _hidden = Hidden::on(&terminal).unwrap();
            assert!(!shows(&terminal) && tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ISIG));
        }
        assert!(shows(&terminal));
    }

    #[tokio::test]
    async fn a_prompt_that_is_called_off_ends_at_once_and_gives_the_echo_back() {
        let (_ours, terminal) = terminal();
        let (never, kept) = std::sync::mpsc::channel::<()>();
        let asked = async {
            let _hidden = Hidden::on(&terminal).unwrap();
            let nobody_types = move || {
                let _ = kept.recv();
                Ok(String::new())
            };
            TOKEN.answer(nobody_types).await
        };
        tokio::select! {
            biased;
            answered = asked => panic!("{answered:?}"),
            // Polled second: by then it asks.
            () = async { assert!(!shows(&terminal)) } => {}
        }
        assert!(shows(&terminal));
        drop(never);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_longer_than_the_limit() {
        let (never, kept) = std::sync::mpsc::channel::<()>();
        let read = move || {
            let _ = kept.recv();
            Ok("too late".to_owned())
        };
        let error = TOKEN.answer(read).await.unwrap_err();
        assert!(error.to_string().contains("within 15 minutes") && error.to_string().contains("--token-file"), "{error}");
        assert_eq!(error.exit_code(), 2);
        drop(never);
    }

    #[tokio::test]
    async fn what_is_entered_is_taken_without_its_ends_and_nothing_is_no_answer() {
        assert_eq!(TOKEN.answer(|| Ok(" sesame\n".to_owned())).await.unwrap().expose_secret(), "sesame");
        let error = TOKEN.answer(|| Ok("\n".to_owned())).await.unwrap_err();
        assert!(error.to_string().contains("was not entered"), "{error}");
    }
}

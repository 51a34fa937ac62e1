//! A line to a server on this machine that can be cut while it is used: a small TCP proxy that passes every byte on, until it is told not to.
//!
//! What it is for: networks break, answers get lost after their effect has happened, and programs die in the middle of a question. All three happen here, on
//! purpose and in between the real programs, which know nothing of it.
//!
//! What it must never do: listen or connect beyond loopback, change a byte, or go on when it is dropped.

mod carry;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It carries.
    Whole,
    /// Whoever is connected is cut off, and whoever connects is cut off at once.
    Cut,
    /// Nobody is cut off, and nothing arrives: questions do not get there, answers do not come back. What was said meanwhile is lost for good.
    Silent,
}

/// When a [`Trap`] springs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Something was asked, and has not got there yet.
    Asked,
    /// The answer is there, and has not come back yet.
    Answered,
}

/// Something that is to happen to whoever asks, in the middle of the question.
pub struct Trap {
    /// When.
    pub moment: Moment,
    /// Gets the address of whoever asks. When it says `true`, it has done its work: the connection breaks, and the trap is gone.
    pub spring: Box<dyn FnMut(SocketAddr) -> bool + Send>,
}

struct State {
    condition: watch::Sender<Condition>,
    trap: Mutex<Option<Trap>>,
    broken: AtomicU64,
}

impl State {
    fn trap(&self) -> MutexGuard<'_, Option<Trap>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the trap somebody who asks. `true` when it has sprung.
    fn tries(&self, moment: Moment, who: SocketAddr) -> bool {
        let mut trap = self.trap();
        let sprung = trap.as_mut().is_some_and(|trap| trap.moment == moment && (trap.spring)(who));
        if sprung {
            *trap = None;
        }
        sprung
    }
}

/// The line; dropped, it is no more.
pub struct Line {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl Line {
    /// Opens a line to a port of this machine. An error when there is no port for it.
    pub async fn open(behind: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { condition: watch::Sender::new(Condition::Whole), trap: Mutex::new(None), broken: AtomicU64::new(0) });
        let server = tokio::spawn(carry::serve(listener, behind, Arc::clone(&state)));
        Ok(Self { address, state, server })
    }

    /// The port of its near end.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of its near end, without a slash at its end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes how it is, for those who are connected too.
    pub fn set(&self, condition: Condition) {
        self.state.condition.send_replace(condition);
    }

    /// How many connections it has broken on purpose, in all.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.state.broken.load(Ordering::Relaxed)
    }

    /// Lays a trap; one that lay there is gone.
    pub fn lay(&self, trap: Trap) {
        *self.state.trap() = Some(trap);
    }

    /// Takes the trap away, if one lies there.
    pub fn clear(&self) {
        self.state.trap().take();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.server.abort();
    }
}

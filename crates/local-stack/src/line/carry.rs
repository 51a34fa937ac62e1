//! The connections of a line: bytes one way, bytes the other way, and what breaks them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Condition, Moment, State};

/// One read from a connection.
const CHUNK_BYTES: usize = 16 << 10;

/// How one way of a connection ended.
enum End {
    /// Whoever spoke has nothing more to say.
    Said,
    /// The connection is over.
    Over,
}

/// Somebody who is connected.
struct Connection {
    who: SocketAddr,
    state: Arc<State>,
    broken: AtomicBool,
}

pub(super) async fn serve(listener: TcpListener, behind: u16, state: Arc<State>) {
    // Dropping the set at the end breaks what is still open.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, who)) = accepted {
                let connection = Connection { who, state: Arc::clone(&state), broken: AtomicBool::new(false) };
                connections.spawn(async move { connection.carry(client, behind).await });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Connection {
    async fn carry(&self, client: TcpStream, behind: u16) {
        let mut condition = self.state.condition.subscribe();
        tokio::select! {
            biased;
            _ = condition.wait_for(|condition| *condition == Condition::Cut) => self.breaks(),
            () = self.both_ways(client, behind) => {}
        }
    }

    /// Carries until both have said what they had to say, or until it is over for one of them.
    async fn both_ways(&self, client: TcpStream, behind: u16) {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let mut questions = std::pin::pin!(self.one_way(from_client, to_server, Moment::Asked));
        let mut answers = std::pin::pin!(self.one_way(from_server, to_client, Moment::Answered));
        tokio::select! {
            end = &mut questions => if let End::Said = end { answers.await; },
            end = &mut answers => if let End::Said = end { questions.await; },
        }
    }

    async fn one_way(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, moment: Moment) -> End {
        let mut condition = self.state.condition.subscribe();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = match from.read(&mut chunk).await {
                Ok(0) => break,
                Ok(length) => length,
                Err(_) => return End::Over,
            };
            if self.state.tries(moment, self.who) {
                self.breaks();
                return End::Over;
            }
            if *condition.borrow_and_update() == Condition::Silent {
                // Whoever waits for it waits for as long as the silence lasts, and never gets it.
                self.breaks();
                drop(condition.wait_for(|condition| *condition != Condition::Silent).await);
                return End::Over;
            }
            if to.write_all(&chunk[..length]).await.is_err() {
                return End::Over;
            }
        }
        // An error says that nobody is there to be told.
        drop(to.shutdown().await);
        End::Said
    }

    /// Counts this connection as broken on purpose, once.
    fn breaks(&self) {
        if !self.broken.swap(true, Ordering::Relaxed) {
            self.state.broken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

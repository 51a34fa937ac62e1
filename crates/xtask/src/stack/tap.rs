//! Stands between the tasks and the API that they register at, passes every byte on, and remembers the nonces that go by: nobody else knows them in the
//! clear, and they must not be found in any output.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::problem::Outcome;

/// A registration call is far smaller; what comes after that much is passed on unread.
const READ_BYTES: usize = 64 << 10;

/// One read from a connection.
const CHUNK_BYTES: usize = 8 << 10;

/// The member of a call's body that is looked for.
const MEMBER: &str = "\"nonce\"";

/// Shorter than any nonce that the control plane takes.
const NONCE_AT_LEAST: usize = 32;

type Nonces = Arc<Mutex<BTreeSet<String>>>;

/// The tap; dropped, it closes.
#[derive(Debug)]
pub struct Tap {
    port: u16,
    nonces: Nonces,
    server: JoinHandle<()>,
}

impl Tap {
    /// Opens it in front of a port of this machine.
    pub async fn open(behind: u16) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let nonces = Nonces::default();
        let server = tokio::spawn(serve(listener, behind, nonces.clone()));
        Ok(Self { port, nonces, server })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All nonces that went by.
    pub fn nonces(&self) -> Vec<String> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, behind: u16, nonces: Nonces) {
    while let Ok((client, _)) = listener.accept().await {
        let nonces = nonces.clone();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).await else { return };
            let (from_client, mut to_client) = client.into_split();
            let (mut from_server, to_server) = server.into_split();
            let questions = pass_on(from_client, to_server, &nonces);
            let answers = async {
                let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
                let _ = to_client.shutdown().await;
            };
            tokio::join!(questions, answers);
        });
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, nonces: &Nonces) {
    let mut read = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        if read.len() < READ_BYTES {
            read.extend_from_slice(&chunk[..length]);
            if let Some(nonce) = nonce_in(&String::from_utf8_lossy(&read)) {
                nonces.lock().unwrap_or_else(PoisonError::into_inner).insert(nonce);
            }
        }
        if to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

fn nonce_in(text: &str) -> Option<String> {
    let rest = text.split_once(MEMBER)?.1.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let nonce = rest.split_once('"')?.0;
    (nonce.len() >= NONCE_AT_LEAST).then(|| nonce.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_whole_nonce_only() {
        let nonce = "0123456789abcdef".repeat(2);
        assert_eq!(nonce_in(&format!("POST /registrations HTTP/1.1\r\n\r\n{{\"nonce\": \"{nonce}\"}}")), Some(nonce.clone()));
        assert_eq!(nonce_in(&format!("{{\"nonce\":\"{nonce}")), None);
        assert_eq!(nonce_in("{\"other\":1}"), None);
    }
}

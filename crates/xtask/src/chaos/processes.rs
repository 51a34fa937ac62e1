//! The functions' processes: who of them is at the other end of a connection, and the end of it.
//!
//! Only processes of this run are found: their program lies in the run's own folder.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::stack::CONTROL_PLANE;

/// The name of a function's program.
const PROGRAM: &str = "bootstrap";

/// Where a function's process finds its name.
const NAME_VARIABLE: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// The process of a function.
#[derive(Debug)]
pub struct Process {
    /// Its number.
    pub pid: Pid,
    /// The function, as its package is called.
    pub function: String,
}

/// The most memory that a process of the function below this folder has held so far, in KiB; 0 when there is none.
pub fn peak_memory_kib(folder: &Path, function: &str) -> u64 {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let own = numbers.filter(|number| is_function(*number, folder) && function_of(*number).as_deref() == Some(function));
    own.filter_map(peak_of).max().unwrap_or_default()
}

/// A process's own highest mark, as the kernel keeps it.
fn peak_of(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}

impl Process {
    /// The process below this folder that is connected from this port to that one.
    pub fn connected(folder: &Path, from: SocketAddr, to: u16) -> Option<Self> {
        let socket = format!("socket:[{}]", inode(from.port(), to)?);
        let numbers = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let pid = numbers.filter(|number| is_function(*number, folder)).find(|number| has_open(*number, &socket))?;
        Some(Self { pid: Pid::from_raw(pid)?, function: function_of(pid)? })
    }

    /// Ends it at once.
    pub fn kill(&self) -> bool {
        kill_process(self.pid, Signal::KILL).is_ok()
    }
}

/// The number of a socket of this machine by its two ends.
fn inode(from: u16, to: u16) -> Option<u64> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let (from, to) = (end(from), end(to));
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(1)? == &from && fields.get(2)? == &to).then(|| fields.get(9)?.parse().ok()).flatten()
    })
}

/// One end of a connection as the kernel's table has it: the address in the machine's own byte order, the port as a number.
fn end(port: u16) -> String {
    format!("{:08X}:{port:04X}", u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets()))
}

fn is_function(pid: i32, folder: &Path) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe"));
    program.is_ok_and(|program| program.starts_with(folder) && program.file_name().is_some_and(|name| name == PROGRAM))
}

fn has_open(pid: i32, socket: &str) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| target.as_os_str() == socket)
}

fn function_of(pid: i32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let entries = environment.split(|byte| *byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
    let name = entries.filter_map(|entry| entry.split_once('=')).find(|(name, _)| *name == NAME_VARIABLE)?.1;
    name.strip_prefix(CONTROL_PLANE)?.strip_prefix('-').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_has_a_socket_that_its_process_holds() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let to = listener.local_addr().expect("an address").port();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).expect("a connection");
        let from = stream.local_addr().expect("an address");
        let socket = inode(from.port(), to).expect("the kernel knows it");
        let own = i32::try_from(std::process::id()).expect("a number");
        assert!(has_open(own, &format!("socket:[{socket}]")));
        assert!(Process::connected(Path::new("/"), from, to).is_none(), "this program is no function");
        assert!(peak_of(own).is_some_and(|peak| peak > 0));
        assert_eq!(peak_memory_kib(Path::new("/nowhere"), "scale"), 0);
        assert_eq!(inode(to, from.port()).filter(|other| *other == socket), None, "the other end is another socket");
    }
}

//! Lines to a guest and its answers, over the socket that QEMU makes for its virtio-serial port.
//!
//! A connection is made for each line, so that several programs can talk to one guest. What is
//! sent to a guest that still boots waits in the socket until the guest reads it.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloudlot_core::{Clock, SystemClock};

use super::error::LabError;

/// How long a guest may take to answer; it needs milliseconds when it gets its share of CPU.
const PATIENCE: Duration = Duration::from_secs(10);

/// Number of the next line that this process sends.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The way to one guest.
#[derive(Debug, Clone)]
pub struct Channel {
    guest: String,
    socket: PathBuf,
    console: PathBuf,
}

impl Channel {
    /// The way to `guest` (a name for messages) over `socket`; `console` is the file its kernel
    /// writes to.
    #[must_use]
    pub fn new(guest: impl Into<String>, socket: &Path, console: &Path) -> Self {
        Self {
            guest: guest.into(),
            socket: socket.into(),
            console: console.into(),
        }
    }

    /// Sends `line` and returns the words of the answer, which has ten seconds.
    ///
    /// # Errors
    /// [`LabError::Silent`] without an answer, [`LabError::Refused`] when it is an error,
    /// [`LabError::Io`] when QEMU is not there.
    pub fn ask(&self, line: &str) -> Result<String, LabError> {
        self.ask_within(line, PATIENCE)
    }

    /// Like [`Channel::ask`], with another time limit.
    ///
    /// # Errors
    /// As [`Channel::ask`].
    pub fn ask_within(&self, line: &str, patience: Duration) -> Result<String, LabError> {
        // Answers to a caller that gave up may still come, so each line has a name of its own.
        let id = format!("{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let answer = match self.exchange(&id, line, patience) {
            Ok(answer) => answer,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(self.silent(line, patience));
            }
            Err(error) => return Err(LabError::io(&self.socket)(error)),
        };
        match answer.split_once(' ').unwrap_or((&answer, "")) {
            ("ok", words) => Ok(words.to_owned()),
            _ => Err(LabError::Refused {
                guest: self.guest.clone(),
                line: line.to_owned(),
                answer,
            }),
        }
    }

    fn exchange(&self, id: &str, line: &str, patience: Duration) -> io::Result<String> {
        let clock = SystemClock::start();
        let deadline = clock.now() + patience;
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.write_all(format!("{id} {line}\n").as_bytes())?;
        let mut answers = BufReader::new(stream.try_clone()?);
        loop {
            let left = deadline.since(clock.now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            let mut answer = String::new();
            if answers.read_line(&mut answer)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(words) = answer.trim_end().strip_prefix(&format!("{id} ")) {
                return Ok(words.to_owned());
            }
        }
    }

    fn silent(&self, line: &str, waited: Duration) -> LabError {
        let console = fs::read(&self.console).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        LabError::Silent {
            guest: self.guest.clone(),
            line: line.to_owned(),
            waited,
            console: console
                .lines()
                .last()
                .unwrap_or("nothing")
                .trim()
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Asks a guest that sends `answers`, in which `ID` stands for the name of the line.
    fn ask(answers: &'static str) -> Result<String, LabError> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let guest = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap())
                .read_line(&mut line)
                .unwrap();
            let (id, text) = line.split_once(' ').unwrap();
            assert_eq!(text, "burn 1\n");
            stream
                .write_all(answers.replace("ID", id).as_bytes())
                .unwrap();
            stream
        });
        let console = folder.path().join("console");
        fs::write(&console, "Booting\nKernel panic\n").unwrap();
        let channel = Channel::new("g", &socket, &console);
        let answer = channel.ask_within("burn 1", Duration::from_millis(200));
        drop(guest.join().unwrap());
        answer
    }

    #[test]
    fn an_answer_is_found_among_other_lines() {
        assert_eq!(ask("ready\n0-0 ok old\nID ok new\n").unwrap(), "new");
        assert_eq!(ask("ID ok\n").unwrap(), "");
    }

    #[test]
    fn an_error_names_the_guest_and_the_line() {
        let error = ask("ID error no room\n").unwrap_err().to_string();
        assert_eq!(error, "g refused \"burn 1\": error no room");
    }

    #[test]
    fn silence_ends_and_shows_the_console() {
        let error = ask("ready\nID").unwrap_err().to_string();
        assert!(
            error.starts_with("g did not answer") && error.ends_with("Kernel panic"),
            "{error}"
        );
    }
}

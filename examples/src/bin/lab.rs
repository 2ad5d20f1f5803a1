//! A laboratory to try programs on: real guests under emulation, on a libvirtd of their own.

use std::io::{self, BufRead};
use std::path::Path;
use std::process::ExitCode;

use cloudlot_core::Bytes;
use cloudlot_examples::lab::{Channel, Guest, GuestSpec, Lab, LabError};

const HELP: &str = "\
lab up [GUEST...]        start guests and keep them until Ctrl-C or `quit`; meanwhile, lines
                         NAME COMMAND on standard input are told to the guests
lab tell SOCKET COMMAND  tell a guest from another terminal
lab check                boot one guest and leave: 0 it works, 77 the machine lacks something

A GUEST is NAME[:VCPUS[:MIB]], by default 1 vCPU and 256 MiB. Names are letters and digits.
COMMAND is one of
  burn N [PERCENT]       N busy loops instead of those before; burn 0 ends them
  eat MIB [MIB_PER_S]    hold that much memory; held says how far it got, free lets go
  memory                 total, free and available KiB
  ping
";

const USAGE: u8 = 2;
/// What automake and others take for \"skipped\".
const NOT_HERE: u8 = 77;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["up", guests @ ..] => match guests.iter().map(|text| parse(text)).collect() {
            Ok(specs) => up(specs),
            Err(complaint) => return usage(&complaint),
        },
        ["tell", socket, line @ ..] if !line.is_empty() => tell(Path::new(socket), &line.join(" ")),
        ["check"] => check(),
        ["--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => return usage("no such command"),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {}", with_causes(&error));
            if error.is_absence() {
                ExitCode::from(NOT_HERE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn usage(complaint: &str) -> ExitCode {
    eprint!("lab: {complaint}\n\n{HELP}");
    ExitCode::from(USAGE)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// `NAME[:VCPUS[:MIB]]`
fn parse(text: &str) -> Result<GuestSpec, String> {
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return Err(format!("{text:?}: a name is letters and digits"));
    }
    let mut spec = GuestSpec::new(name);
    let mut number = |what: &str, default: u32| match parts.next().map(str::parse) {
        None => Ok(default),
        Some(Ok(number)) if number > 0 => Ok(number),
        Some(_) => Err(format!("{text:?}: {what} is a number above 0")),
    };
    spec.vcpus = number("VCPUS", spec.vcpus)?;
    spec.memory_max = Bytes::mib(number("MIB", 256)?.into());
    spec.memory = spec.memory_max;
    Ok(spec)
}

fn up(specs: Vec<GuestSpec>) -> Result<(), LabError> {
    let lab = Lab::start()?;
    println!("uri {}", lab.uri());
    let guests = lab.boot(specs)?;
    for guest in &guests {
        println!("guest {} {}", guest.domain(), guest.socket().display());
    }
    println!("up; Ctrl-C ends everything");
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match line.trim() {
            "" => {}
            "quit" => return Ok(()),
            line => println!("{}", relay(&guests, line)),
        }
    }
    // Standard input may be closed from the start, under a supervisor.
    loop {
        std::thread::park();
    }
}

fn relay(guests: &[Guest], line: &str) -> String {
    let (name, command) = line.split_once(' ').unwrap_or((line, "ping"));
    let guest = guests.iter().find(|guest| guest.spec().name == name);
    match guest.map(|guest| guest.ask(command)) {
        Some(Ok(answer)) => format!("ok {answer}"),
        Some(Err(error)) => with_causes(&error),
        None => format!("no guest is called {name:?}"),
    }
}

fn tell(socket: &Path, line: &str) -> Result<(), LabError> {
    let guest = socket.file_stem().unwrap_or_default().display().to_string();
    let channel = Channel::new(guest, socket, &socket.with_extension("console"));
    println!("ok {}", channel.ask(line)?);
    Ok(())
}

fn check() -> Result<(), LabError> {
    let lab = Lab::start()?;
    lab.boot([GuestSpec::new("check")])?;
    println!("a guest booted and answered at {}", lab.uri());
    Ok(())
}

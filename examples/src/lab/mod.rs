//! The laboratory: real guests under QEMU's emulation on a libvirtd of our own, for the live
//! suite, the demonstration, and whoever wants to try a program on guests that cannot be hurt.
//!
//! Everything lives in one folder and in namespaces of its own ([`Lab`] says what that is good
//! for); a libvirtd of the system, its guests and its files are neither seen nor touched, and
//! `/dev/kvm` is never used. It needs root, and what `cargo xtask setup` installs.
//!
//! ```no_run
//! use cloudlot_examples::lab::{GuestSpec, Lab};
//!
//! let lab = Lab::start()?;
//! let guests = lab.boot(["a", "b"].map(GuestSpec::new))?;
//! guests[0].burn(1)?;
//! println!("a busy and an idle guest at {}", lab.uri());
//! # Ok::<(), cloudlot_examples::lab::LabError>(())
//! ```

mod channel;
mod cpio;
mod daemon;
mod error;
mod guest;
mod image;
mod space;

use std::path::Path;

pub use channel::Channel;
pub use daemon::Virsh;
pub use error::LabError;
pub use guest::{Guest, GuestSpec, Lifetime};

use daemon::Daemon;
use image::Image;
use space::Space;

/// A running laboratory. Dropping it ends the guests and the daemon and removes their files.
///
/// The same happens when the process that holds it ends in any other way, without its doing: the
/// namespaces live only as long as a pipe that this process holds. So a program needs no signal
/// handler for the laboratory's sake, and a test may panic. Only when the process is killed with
/// SIGKILL just while it starts or drops a laboratory can a folder `/tmp/cloudlot-lab-N` stay,
/// without processes; the next [`Lab::start`] removes it.
#[derive(Debug)]
pub struct Lab {
    daemon: Daemon,
    image: Image,
}

impl Lab {
    /// Starts a laboratory without guests. Several can run side by side.
    ///
    /// # Errors
    /// Those with [`LabError::is_absence`] when the machine lacks the means; the others are
    /// failures.
    pub fn start() -> Result<Self, LabError> {
        let space = Space::open()?;
        let image = Image::build(space.folder())?;
        let daemon = Daemon::start(space)?;
        Ok(Self { daemon, image })
    }

    /// The libvirt URI of its daemon, `qemu:///system?socket=…`.
    #[must_use]
    pub fn uri(&self) -> &str {
        self.daemon.virsh().uri()
    }

    /// Its folder, with the sockets, logs and consoles.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.daemon.folder()
    }

    /// Commands for its daemon.
    #[must_use]
    pub fn virsh(&self) -> &Virsh {
        self.daemon.virsh()
    }

    /// Starts guests side by side and waits until all of them are up, idle and at the size they
    /// shall have.
    ///
    /// # Errors
    /// Those of libvirt; [`LabError::Silent`] or [`LabError::Balloon`] for a guest that does not
    /// come up as asked.
    pub fn boot(&self, specs: impl IntoIterator<Item = GuestSpec>) -> Result<Vec<Guest>, LabError> {
        let launch = |spec| Guest::launch(spec, &self.image, self.folder(), self.virsh());
        let guests = specs
            .into_iter()
            .map(launch)
            .collect::<Result<Vec<_>, _>>()?;
        for guest in &guests {
            guest.wait_until_up()?;
            guest.wait_for_balloon()?;
        }
        Ok(guests)
    }

    /// Ends the daemon as a service manager would; the guests go on.
    ///
    /// # Errors
    /// [`LabError::Io`] when the laboratory is broken.
    pub fn stop_daemon(&mut self) -> Result<(), LabError> {
        self.daemon.stop()
    }

    /// Ends the daemon with SIGKILL; the guests go on.
    ///
    /// # Errors
    /// [`LabError::Io`] when the laboratory is broken.
    pub fn crash_daemon(&mut self) -> Result<(), LabError> {
        self.daemon.crash()
    }

    /// Starts the daemon again and waits until it answers.
    ///
    /// # Errors
    /// [`LabError::Daemon`] when it does not come up.
    pub fn resume_daemon(&mut self) -> Result<(), LabError> {
        self.daemon.resume()
    }
}

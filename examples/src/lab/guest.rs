//! A guest: what it is made of, and what it can be told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cloudlot_core::{Bytes, Clock, Seeds, SystemClock};

use super::channel::Channel;
use super::daemon::Virsh;
use super::error::LabError;
use super::image::Image;

/// How long a guest may take to boot, on a machine that has other things to do.
const BOOT: Duration = Duration::from_secs(120);
/// How long its balloon may take to its first size; here it takes about a second.
const BALLOON: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// Whether libvirt keeps a guest's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Defined, then started: it can be shut off and started again.
    Persistent,
    /// Started from a description that libvirt forgets when the guest ends.
    Transient,
}

/// What a guest is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestSpec {
    /// Last part of the domain's name, letters and digits; the domain is `cloudlot-lab-NAME`.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory at boot, and the most it can have. With 64 MiB the kernel does not boot, with 80 it
    /// does.
    pub memory_max: Bytes,
    /// Memory that the balloon leaves it once its driver is there. Below some 80 MiB its kernel
    /// runs out of memory, reboots, and starts again with all it can have.
    pub memory: Bytes,
    /// How often the balloon driver reports, in whole seconds; `None` for never, as libvirt
    /// does if not asked.
    pub stats_period_s: Option<u32>,
    /// Whether libvirt keeps the definition.
    pub lifetime: Lifetime,
}

impl GuestSpec {
    /// A persistent guest with one vCPU and 256 MiB, without balloon statistics.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            vcpus: 1,
            memory_max: Bytes::mib(256),
            memory: Bytes::mib(256),
            stats_period_s: None,
            lifetime: Lifetime::Persistent,
        }
    }

    /// Name of its domain.
    #[must_use]
    pub fn domain(&self) -> String {
        format!("cloudlot-lab-{}", self.name)
    }

    /// UUID of its domain: the same for the same name.
    #[must_use]
    pub fn uuid(&self) -> String {
        let stream = |part: &str| Seeds::new(0).stream(&format!("{} {part}", self.domain()));
        let (high, low) = (stream("high"), stream("low"));
        // Version 8 and variant 1 of RFC 9562: bits of our own choice.
        let (high, low) = ((high & !0xf000) | 0x8000, (low & !(3 << 62)) | (2 << 62));
        let high = format!("{high:016x}");
        let low = format!("{low:016x}");
        format!(
            "{}-{}-{}-{}-{}",
            &high[..8],
            &high[8..12],
            &high[12..],
            &low[..4],
            &low[4..]
        )
    }

    fn xml(&self, image: &Image, files: &Files) -> String {
        let stats = self
            .stats_period_s
            .map(|period| format!("\n      <stats period='{period}'/>\n    "));
        format!(
            "<domain type='qemu'>
  <name>{domain}</name>
  <uuid>{uuid}</uuid>
  <memory unit='KiB'>{memory_max}</memory>
  <currentMemory unit='KiB'>{memory}</currentMemory>
  <vcpu>{vcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initramfs}</initrd>
    <cmdline>{CMDLINE}</cmdline>
  </os>
  <features>
    <acpi/>
  </features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <serial type='file'>
      <source path='{console}'/>
    </serial>
    <channel type='unix'>
      <source mode='bind' path='{socket}'/>
      <target type='virtio' name='org.cloudlot.lab'/>
    </channel>
    <memballoon model='virtio' autodeflate='off' freePageReporting='off'>{stats}</memballoon>
  </devices>
</domain>
",
            domain = self.domain(),
            uuid = self.uuid(),
            memory_max = self.memory_max.whole_kib(),
            memory = self.memory.whole_kib(),
            vcpus = self.vcpus,
            kernel = image.kernel.display(),
            initramfs = image.initramfs.display(),
            console = files.console.display(),
            socket = files.socket.display(),
            stats = stats.unwrap_or_default(),
        )
    }
}

/// Quick to boot, silent, and back at once after a panic: a panicked kernel would spin for ever.
const CMDLINE: &str = "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable nowatchdog";

#[derive(Debug, Clone)]
struct Files {
    xml: PathBuf,
    console: PathBuf,
    socket: PathBuf,
}

/// A guest that has been started. Dropping it leaves it running; it ends with its laboratory.
#[derive(Debug)]
pub struct Guest {
    spec: GuestSpec,
    virsh: Virsh,
    files: Files,
    channel: Channel,
}

impl Guest {
    /// Defines and starts the guest; it then still has to boot, see [`Guest::wait_until_up`].
    pub(super) fn launch(
        spec: GuestSpec,
        image: &Image,
        folder: &Path,
        virsh: &Virsh,
    ) -> Result<Self, LabError> {
        let file = |ending: &str| folder.join(format!("{}.{ending}", spec.name));
        let files = Files {
            xml: file("xml"),
            console: file("console"),
            socket: file("sock"),
        };
        std::fs::write(&files.xml, spec.xml(image, &files)).map_err(LabError::io(&files.xml))?;
        let channel = Channel::new(spec.domain(), &files.socket, &files.console);
        let guest = Self {
            spec,
            virsh: virsh.clone(),
            files,
            channel,
        };
        let xml = guest.files.xml.display().to_string();
        match guest.spec.lifetime {
            Lifetime::Persistent => {
                guest.virsh.run(&["define", &xml])?;
                guest.start()?;
            }
            Lifetime::Transient => {
                guest.virsh.run(&["create", &xml])?;
            }
        }
        Ok(guest)
    }

    /// What it is made of.
    #[must_use]
    pub fn spec(&self) -> &GuestSpec {
        &self.spec
    }

    /// Name of its domain.
    #[must_use]
    pub fn domain(&self) -> String {
        self.spec.domain()
    }

    /// UUID of its domain.
    #[must_use]
    pub fn uuid(&self) -> String {
        self.spec.uuid()
    }

    /// The socket on which it takes lines; see `init.sh` for their form.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.files.socket
    }

    /// Starts it after [`Guest::destroy`], without waiting for it to boot.
    ///
    /// # Errors
    /// [`LabError::Virsh`] when it runs already or is transient.
    pub fn start(&self) -> Result<(), LabError> {
        self.virsh.run(&["start", &self.domain()]).map(|_| ())
    }

    /// Waits until it takes commands.
    ///
    /// # Errors
    /// [`LabError::Silent`] when it does not within two minutes.
    pub fn wait_until_up(&self) -> Result<(), LabError> {
        self.channel.ask_within("ping", BOOT).map(|_| ())
    }

    /// Waits until the balloon has taken what the guest shall not have.
    pub(super) fn wait_for_balloon(&self) -> Result<(), LabError> {
        let clock = SystemClock::start();
        let deadline = clock.now() + BALLOON;
        let wanted_kib = self.spec.memory.whole_kib();
        loop {
            let current_kib = self.balloon_kib()?;
            if current_kib == wanted_kib {
                return Ok(());
            }
            if clock.now() >= deadline {
                let guest = self.domain();
                return Err(LabError::Balloon {
                    guest,
                    current_kib,
                    wanted_kib,
                    waited: BALLOON,
                });
            }
            clock.sleep_until(clock.now() + POLL);
        }
    }

    /// The memory that its balloon leaves it, in KiB.
    fn balloon_kib(&self) -> Result<u64, LabError> {
        let stats = self.virsh.run(&["domstats", "--balloon", &self.domain()])?;
        let value = |line: &str| line.trim().strip_prefix("balloon.current=")?.parse().ok();
        // libvirt leaves out what it does not know, such as the balloon of a guest that just ended.
        Ok(stats.lines().find_map(value).unwrap_or(0))
    }

    /// Runs `loops` busy loops in it, spread over its vCPUs, instead of those before.
    ///
    /// # Errors
    /// As [`Guest::ask`].
    pub fn burn(&self, loops: u32) -> Result<(), LabError> {
        self.ask(&format!("burn {loops}")).map(|_| ())
    }

    /// Like [`Guest::burn`], with loops that are busy for `percent` of each fifth of a second.
    ///
    /// # Errors
    /// As [`Guest::ask`].
    pub fn burn_partly(&self, loops: u32, percent: u32) -> Result<(), LabError> {
        self.ask(&format!("burn {loops} {percent}")).map(|_| ())
    }

    /// Lets it hold `memory` (whole MiB), as fast as it can. Returns at once; while the guest is
    /// short of memory it waits for more.
    ///
    /// # Errors
    /// As [`Guest::ask`].
    pub fn eat(&self, memory: Bytes) -> Result<(), LabError> {
        self.ask(&format!("eat {}", memory.whole_mib())).map(|_| ())
    }

    /// Like [`Guest::eat`], growing by `per_second` (whole MiB).
    ///
    /// # Errors
    /// As [`Guest::ask`].
    pub fn eat_steadily(&self, memory: Bytes, per_second: Bytes) -> Result<(), LabError> {
        let line = format!("eat {} {}", memory.whole_mib(), per_second.whole_mib());
        self.ask(&line).map(|_| ())
    }

    /// Lets go of what [`Guest::eat`] holds.
    ///
    /// # Errors
    /// As [`Guest::ask`].
    pub fn free(&self) -> Result<(), LabError> {
        self.ask("free").map(|_| ())
    }

    /// Sends a line of the guest's small language (see `init.sh`) and returns the words of its
    /// answer.
    ///
    /// # Errors
    /// [`LabError::Silent`] when there is no answer within 10 s, [`LabError::Refused`] when the
    /// answer is an error.
    pub fn ask(&self, line: &str) -> Result<String, LabError> {
        self.channel.ask(line)
    }

    /// Ends it at once, as pulling the plug would.
    ///
    /// # Errors
    /// [`LabError::Virsh`] when it does not run.
    pub fn destroy(&self) -> Result<(), LabError> {
        self.virsh.run(&["destroy", &self.domain()]).map(|_| ())
    }

    /// Makes libvirt forget its definition.
    ///
    /// # Errors
    /// [`LabError::Virsh`] when there is none.
    pub fn undefine(&self) -> Result<(), LabError> {
        self.virsh.run(&["undefine", &self.domain()]).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_description_names_all_that_was_asked_for() {
        let spec = GuestSpec {
            vcpus: 2,
            memory_max: Bytes::mib(512),
            stats_period_s: Some(1),
            ..GuestSpec::new("b")
        };
        let image = Image {
            kernel: "/lab/vmlinuz".into(),
            initramfs: "/lab/initramfs".into(),
        };
        let file = |ending: &str| PathBuf::from(format!("/lab/b.{ending}"));
        let files = Files {
            xml: file("xml"),
            console: file("console"),
            socket: file("sock"),
        };
        expect![[r#"
            <domain type='qemu'>
              <name>cloudlot-lab-b</name>
              <uuid>47a02cb6-837b-8651-849d-d7722d210da7</uuid>
              <memory unit='KiB'>524288</memory>
              <currentMemory unit='KiB'>262144</currentMemory>
              <vcpu>2</vcpu>
              <os>
                <type arch='x86_64' machine='pc'>hvm</type>
                <kernel>/lab/vmlinuz</kernel>
                <initrd>/lab/initramfs</initrd>
                <cmdline>console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable nowatchdog</cmdline>
              </os>
              <features>
                <acpi/>
              </features>
              <devices>
                <emulator>/usr/bin/qemu-system-x86_64</emulator>
                <controller type='usb' model='none'/>
                <serial type='file'>
                  <source path='/lab/b.console'/>
                </serial>
                <channel type='unix'>
                  <source mode='bind' path='/lab/b.sock'/>
                  <target type='virtio' name='org.cloudlot.lab'/>
                </channel>
                <memballoon model='virtio' autodeflate='off' freePageReporting='off'>
                  <stats period='1'/>
                </memballoon>
              </devices>
            </domain>
        "#]].assert_eq(&spec.xml(&image, &files));
    }

    #[test]
    fn a_name_has_one_uuid() {
        let uuid = |name: &str| GuestSpec::new(name).uuid();
        assert_eq!(uuid("a"), uuid("a"));
        assert_ne!(uuid("a"), uuid("b"));
        assert_eq!(uuid("a").len(), 36);
        assert_eq!(&uuid("a")[14..15], "8");
    }
}

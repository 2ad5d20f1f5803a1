//! A checker apart from the maker: whether hosts, instances and ledger agree, by counting everything again.

use cloudlot_core::Kind;
use cloudlot_core::ledger::{Ledger, Violation, audit};

use super::HostId;
use crate::choose::{HostLoad, Size};
use crate::platform::Platform;
use crate::platform::event::InstanceId;
use crate::platform::keep_alive::KeepAlive;
use crate::platform::life::Life;
use crate::platform::pool::Frees;

/// Something on which hosts, instances and ledger do not agree.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Discord {
    /// The ledger contradicts itself.
    #[error("the ledger: {0}")]
    Ledger(Box<Violation>),
    /// What a host holds is not what its instances hold, or not what the ledger says.
    #[error("{0} does not hold what its instances do")]
    Host(HostId),
    /// An instance that holds something has no reservation, or one that is not confirmed though it is ready.
    #[error("{0} is not in the ledger as it should be")]
    Instance(InstanceId),
    /// The ledger knows more reservations than there are instances that hold something.
    #[error("the ledger has {reservations} reservations for {instances} instances")]
    Count {
        /// In the ledger.
        reservations: usize,
        /// That hold something.
        instances: usize,
    },
}

impl<K: KeepAlive> Platform<K> {
    /// Everything on which hosts, instances and ledger do not agree; nothing, as it should be.
    ///
    /// Looks at every host and every instance.
    #[must_use]
    pub fn audit(&self) -> Vec<Discord> {
        let Some(ledger) = self.hosts.ledger() else {
            return Vec::new();
        };
        let violations = audit(ledger.state()).into_iter();
        let mut found: Vec<Discord> = violations.map(|it| Discord::Ledger(Box::new(it))).collect();
        let mut counted: Vec<HostLoad> = self.hosts.loads.clone();
        for load in &mut counted {
            *load = HostLoad {
                open: load.open,
                ..HostLoad::new(load.limit)
            };
        }
        let mut holders = 0;
        for (place, home) in (0..).zip(&self.hosts.homes) {
            let Some(host) = self.hosts.host_of(place) else {
                continue;
            };
            let life = self.instances[place].life;
            let holds = life != Life::Stopping || self.settings.hosts.frees == Frees::WhenGone;
            let need = if holds { home.need } else { Size::ZERO };
            holders += usize::from(need != Size::ZERO);
            let load = &mut counted[host];
            load.held = load.held.plus(need);
            load.running += u32::from(life == Life::Busy);
            match life {
                Life::Idle => load.idle = load.idle.plus(need),
                Life::Stopping => load.stopping = load.stopping.plus(need),
                _ => {}
            }
            let ready = matches!(life, Life::Busy | Life::Idle);
            let confirmed = home.hold.and_then(|hold| ledger.state().reservation(hold));
            let confirmed = confirmed.map(cloudlot_core::ledger::Reservation::is_confirmed);
            let right = match confirmed {
                None => need == Size::ZERO,
                Some(confirmed) => need != Size::ZERO && (confirmed || !ready),
            };
            if !right {
                let handle = self.instances.handle(place);
                found.push(Discord::Instance(InstanceId(handle)));
            }
        }
        for (host, load) in (0..).map(HostId::new).zip(&counted) {
            let index = host.number() as usize;
            let same = *load == self.hosts.loads[index];
            if !same || load.held != self.taken(ledger, index) || !load.held.fits_in(load.limit) {
                found.push(Discord::Host(host));
            }
        }
        let reservations = ledger.state().reservation_count();
        if reservations != holders {
            found.push(Discord::Count {
                reservations,
                instances: holders,
            });
        }
        found
    }

    fn taken(&self, ledger: &Ledger, host: usize) -> Size {
        let taken = ledger.state().taken(self.hosts.resources[host]);
        Size {
            memory: taken.get(Kind::MEMORY),
            millicores: taken.get(Kind::CPU),
        }
    }
}

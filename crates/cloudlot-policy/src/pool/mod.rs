//! Pools: sets of equal members whose size follows what is asked of them, and that help each other out.
//!
//! A pool's members are resources of a ledger. [`Pools`] knows who is a member of what and who uses whom; what is held
//! on a member is the ledger's to know and is asked there every time, so that the two cannot disagree. Whoever reserves
//! past the pools is seen too: a member on which anybody holds anything is neither removed nor lent.
//!
//! # Look, decide, do, tell
//! [`Pools::observe`] looks at what has happened in the ledger. [`Pools::plan`] and [`Pools::find_room`] decide, from the
//! ledger's state, the [`Demand`] of each pool and the time: they give [`PoolStep`]s and change nothing. A step says what
//! is to be, so that doing it twice is harmless. [`Pools::carry_out`] does steps on a ledger, and checks each again;
//! [`Pools::reserve`] and [`Pools::release`] go through a pool. Both tell what was done: [`PoolReport`], [`Lease`],
//! [`Miss`]. New members come from [`Factories`], by pool or by class.
//!
//! # Strategies
//! [`Sizing`] has three. A *static* pool has its size and no more. A *dynamic* pool keeps its members at a target
//! utilisation, with room to spare. An *elastic* pool has a core that is always there, and burst members for what
//! exceeds it.
//!
//! # Lending
//! Members that a pool can do without may serve another. What holds:
//! - Every member has one home and one user; lending changes the user, and nothing else.
//! - Only a member on which nothing is held changes hands, either way.
//! - A pool never lends its core, nor so much that fewer than its least are left to serve it.
//! - A pool does not lend while it borrows, nor borrow while it lends: so there are no chains and no rings.
//! - A loan counts against the most of both pools.
//! - The home comes first. Where it misses members, an idle loan comes home even if its borrower could use it; one that is
//!   in use takes nothing new and comes home when it is free. No hold is ended for it.
//!
//! # What it leaves to others
//! Who may have how much, and who waits for how long. Requests of several pieces: a pool reserves one piece on one member.
//! What a window of demand is: see [`Demand`]. How machines are made: a factory only describes them.
//!
//! ```
//! use cloudlot_core::ledger::Ledger;
//! use cloudlot_core::{Request, Resource, Timestamp, cores};
//! use cloudlot_policy::pool::{Advice, Demand, Factories, PoolSpec, Pools, Sizing};
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//!
//! let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
//! let node = |name: String| Resource::node(name).capacity([cores(8)]);
//! let mut factories = Factories::new().class("compute", move |n| node(format!("web-{n}")));
//!
//! // One member at least, three at most; idle ones go after a minute.
//! let sizing = Sizing::Elastic { core: 1, max: 3, idle_timeout: Duration::from_secs(60) };
//! let (mut ledger, mut pools) = (Ledger::new(), Pools::new());
//! let web = pools.open(PoolSpec::new("web", node("sample".into()).build()?, sizing))?;
//! let steps = pools.plan(ledger.state(), &BTreeMap::new(), at(0));
//! pools.carry_out(&mut ledger, &steps, &mut factories, at(0));
//! assert_eq!(pools.counts(web, ledger.state()).serving, 1);
//!
//! // The core takes one request of six cores; a second finds no room, and one more member would help.
//! let request = Request::new("page").part([cores(6)]).build()?;
//! let first = pools.reserve(&mut ledger, &request, at(1))?;
//! let miss = pools.reserve(&mut ledger, &request, at(2)).unwrap_err();
//! assert_eq!(miss.advice, Advice::Help);
//! pools.carry_out(&mut ledger, &miss.help, &mut factories, at(2));
//! let second = pools.reserve(&mut ledger, &request, at(2))?;
//!
//! // When both are given back, the burst member goes after its minute, and the core stays.
//! for lease in [first, second] {
//!     pools.release(&mut ledger, web, lease.grant.id, at(10))?;
//! }
//! let idle = BTreeMap::from([(web, Demand::default())]);
//! assert!(pools.plan(ledger.state(), &idle, at(69)).is_empty());
//! let steps = pools.plan(ledger.state(), &idle, at(70));
//! pools.carry_out(&mut ledger, &steps, &mut factories, at(70));
//! assert_eq!(pools.counts(web, ledger.state()).owned, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod board;
mod drive;
mod follow;
mod member;
mod miss;
mod plan;
mod pools;
mod read;
mod select;
mod sizing;
mod spec;
mod step;

pub use drive::{DoError, Done, Lease, PoolReport, ReleaseError};
pub use member::{Counts, Leaving, Member, MemberError};
pub use miss::{Advice, Considered, Miss, Standing};
pub use pools::{PoolId, Pools};
pub use select::Choice;
pub use sizing::{Demand, Sizing, SizingError};
pub use spec::{Factories, Factory, Growth, Lending, OnMiss, PoolSpec};
pub use step::{PoolStep, StepError};

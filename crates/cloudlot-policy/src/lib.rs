//! Who gets what, where, and what happens when it does not fit.
//!
//! Everything here decides and nothing acts: no I/O, no clock, no chance, and whole numbers wherever an answer is compared. The
//! same arguments give the same answer, and every answer can be explained.
//!
//! - **A whole policy**: [`engine`], a ledger with gates ([`admit`]), an [`order`], and strategies that [`place`]; a queue that wakes only whom
//!   a change concerns; explanations, what-if, logs.
//! - **Who may hold how much?** [`quota`], a tree in which owners borrow, lend and take back; [`accounts`] count who holds and used what.
//! - **Who passes whom?** [`backfill`] keeps what was promised to those who wait.
//! - **What if it does not fit?** [`contention`]: wait, reorder, push out, redistribute, ask for more.
//! - **How many members?** [`pool`] keeps sets of them, and [`scale`] says when to have more or fewer.
//! - **Who gets how much?** [`share`] divides one quantity among weighted claims, max-min fairly: a
//!   memory coordinator divides a host's memory among its guests with it. [`share::drf`] divides
//!   several kinds at once among tenants whose tasks need them together.
//! - **What goes where?** [`pack`] assigns items to bins so that loads are even and few items
//!   move: exactly for small problems, by local search for large ones. A vCPU scheduler re-pins
//!   vCPUs to cores with it.
//!
//! What a load means, when to act on it and how often is the caller's affair.
//! ```
//! use cloudlot_policy::pack::{self, Balance, Goal, Item, search};
//! use cloudlot_policy::share::{Claim, max_min};
//!
//! // 4,096 MiB for three guests: one is content with 512, the others have equal weight.
//! let guest = |most| Claim { weight: 1, most };
//! assert_eq!(max_min(4_096, &[guest(512), guest(4_096), guest(2_048)]), [512, 1_792, 1_792]);
//!
//! // Four vCPUs on core 0, one on core 1; loads in millionths of a core.
//! let vcpus = [(0, 400_000), (0, 300_000), (0, 100_000), (0, 100_000), (1, 200_000)];
//! let items = vcpus.map(|(core, load)| Item::at(core, load)).to_vec();
//! let problem = Balance::new(vec![0, 0], items)?;
//! let goal = Goal { spread: 50_000, slack: 5_000 };
//! let plan = pack::balance(&problem, goal, search::WORK);
//! // One vCPU moves: 600,000 and 500,000.
//! assert_eq!(plan.bins, [0, 1, 0, 0, 1]);
//! assert!(plan.reached && plan.proven);
//! # Ok::<(), pack::BalanceError>(())
//! ```

pub mod accounts;
pub mod admit;
pub mod backfill;
pub mod contention;
pub mod engine;
pub mod order;
pub mod pack;
pub mod place;
pub mod pool;
pub mod quota;
pub mod scale;
pub mod share;

//! Who gets what, and where: kernels that other crates build their policies on.
//!
//! [`share`] divides one quantity fairly. [`pack`] puts items into bins so that the bins are even
//! and few items move. Everything is integer, deterministic and without I/O.
//!
//! ```
//! use cloudlot_policy::pack::{Balance, Goal, Item, WORK, balance};
//! use cloudlot_policy::share::{Claim, max_min};
//!
//! // 100 units for three: the modest one is satisfied, the others split the rest 1:2.
//! let claims = [(1, 10), (1, 90), (2, 90)].map(|(weight, most)| Claim { weight, most });
//! assert_eq!(max_min(100, &claims), [10, 30, 60]);
//!
//! // Four items on the first of two bins: two must move.
//! let items = vec![Item { load: 50, home: Some(0), allowed: None }; 4];
//! let even = balance(&Balance::new(vec![0, 0], items)?, Goal { spread: 5, slack: 0 }, WORK);
//! assert_eq!((even.moves, even.spread, even.proven), (2, 0.0, true));
//! # Ok::<(), cloudlot_policy::pack::BalanceError>(())
//! ```

pub mod pack;
pub mod share;

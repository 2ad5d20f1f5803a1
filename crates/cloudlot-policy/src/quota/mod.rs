//! Quotas on a tree of owners: what each may hold, borrow, lend, and take back.
//!
//! # What belongs to whom
//! A node of a [`QuotaTree`] is an owner with a [`Quota`]. Its *nominal* is its own; what it and all nodes below own
//! together is its *total*. An inner node's nominal comes on top of what its children have, as with the cohorts of Kueue: a
//! pool that all below may use. What an owner does not use its neighbours may borrow, through the level above both:
//! - no more than the *borrow limit* comes into a subtree, and no more than the *lend limit* goes out;
//! - the *guarantee* is never lent: that part of a subtree's total stays for it, used or not, and no limit further up is
//!   filled so far that it could not be used;
//! - a subtree never holds more than its *limit*.
//!
//! An owner without a quota counts at the nearest node above it, and at the root if there is none. A kind that no quota
//! names is free; a kind that one names is governed everywhere, and whoever names none of it owns none of it. Kinds do not
//! meet: what is short of one cannot be paid for with another.
//!
//! # Admission
//! A subtree's *balance* is what it imports, or, below zero, what it has left: what its own holders hold, less its nominal,
//! plus for each child what the child imports, less what the child can lend. An ask is admitted when after it no balance on
//! its way up is above the borrow limit there, none is above zero at the root, and no limit is passed. That is so exactly
//! when the units of quota can be assigned to the holders: what a child lends is optional and what it needs is not, so that
//! lending as much as possible leaves every level above as well off as it can be.
//!
//! # Taking back
//! [`QuotaTree::reclaim`] lets an owner take back its own; [`QuotaTree::reclaim_fairly`] lets one that borrows little take
//! from one that borrows much. Write C for the lowest node above asker and victim, x and v for C's children on the way to
//! either. The holders at a node itself count as one more child of it. They own its nominal if it has no other children; else
//! that is a pool which nobody owns before the others. Either way a victim
//! - is not *inside* v: at each node, reservations are let in by priority, then by age, while they fit in the total, those
//!   inside a child first; what is let in is inside, and what crosses the total in some kind is not;
//! - leaves its owner, and every level up to v, with no less than they own of the kinds that are short;
//! - is needed: without it the asker would not fit by right, and with all victims gone it does.
//!
//! *Own*: x imports nothing of any kind that is asked for, after the ask.
//! *Fair*: x's share grows by the ask and stays below v's, the loss counted; the shares of C and above do not fall, nor does
//! what is inside them; all victims have the same C. A share is the largest part borrowed of any kind, plus that of what was
//! held lately above the total (see [`Accounts::mean`](crate::accounts::Accounts::mean)), over the weight; who borrows nothing
//! has none.
//!
//! # Why it ends
//! Let Φ be the list, from the deepest level of the tree to the one below the root, of lists, from the highest priority to
//! the lowest, of how much in base units is inside the nodes of that level. Let Ψ be the list, from the level below the
//! root to the deepest, of the shares at that level in ascending order. Lists compare by their first difference.
//!
//! *An admission lowers neither.* A new reservation is the youngest of its priority. On the deepest level where it is let in
//! it moves none of its priority, or of a higher one, out of a node, and the entry of its priority grows; deeper levels are as
//! they were. If it is let in nowhere, all are as they were. Shares only grow.
//!
//! *Taking back one's own raises Φ.* Take the deepest C of the victims, and the level of its children. A victim is not
//! inside its v, nor inside anything below, for what is inside a child is inside its parent; so on that level and on deeper
//! ones nothing changes for the others when it goes. x imports nothing of what is asked for, so it holds no more than
//! its total in these kinds, and the new reservation fits in it whatever else is inside, and moves nothing out. If it is let
//! in on a deeper level too, Φ grows there first; shallower levels come later in the list.
//!
//! *Taking fairly raises Ψ and does not lower Φ.* Φ: from C's children downwards as above; from C upwards it is asked for. Ψ:
//! no level above C's children falls, since it is asked for; on theirs, x leaves its share for a larger one, and every v
//! stays above that. So fewer shares are as small as x's was, and the list in ascending order has grown.
//!
//! Both lists are bounded, for what is inside fits in the totals and what is borrowed comes from them; amounts are whole,
//! priorities are those of the reservations there are. So from any state, however admissions and the two ways of taking are
//! mixed, and whoever asks what, only finitely many reservations are taken before some owner gives something back of its own
//! accord, the quotas change, or time passes for the shares in memory.

mod admit;
mod inside;
mod reclaim;
mod rule;
mod search;
mod standing;
mod tree;

pub use admit::{Admission, Binding, QuotaRefusal};
pub use reclaim::Candidate;
pub use rule::Quota;
pub use standing::Balances;
pub use tree::{QuotaTree, QuotaTreeBuilder};

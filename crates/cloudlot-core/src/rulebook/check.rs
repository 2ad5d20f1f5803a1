//! Rules that a program adds to the rulebook.

use super::Place;
use crate::{Request, Resource};

/// A rule of the program's own. It has to give the same answer for the same arguments.
///
/// ```
/// use cloudlot_core::{Check, Place, Request, Resource, Rulebook, cores};
///
/// struct Contract;
/// impl Check for Contract {
///     fn name(&self) -> &str {
///         "contract"
///     }
///     fn place(&self, request: &Request, place: &Place<'_>) -> Result<(), String> {
///         match place.resource.owner() {
///             Some(owner) if owner != request.owner() => Err(format!("it belongs to {owner}")),
///             _ => Ok(()),
///         }
///     }
/// }
///
/// let node = Resource::node("n1").capacity([cores(4)]).owner("team-b").build()?;
/// let request = Request::new("job").owner("team-a").part([cores(1)]).build()?;
/// assert!(Rulebook::new().matches(&request, 0, &node));
/// assert!(!Rulebook::new().with(Contract).matches(&request, 0, &node));
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
pub trait Check: Send + Sync {
    /// The name by which a refusal speaks of it.
    fn name(&self) -> &str;

    /// Whether a request may be made at all.
    ///
    /// # Errors
    /// Why not, as a fragment.
    fn request(&self, _request: &Request) -> Result<(), String> {
        Ok(())
    }

    /// Whether a resource may be registered at all.
    ///
    /// # Errors
    /// Why not, as a fragment.
    fn resource(&self, _resource: &Resource) -> Result<(), String> {
        Ok(())
    }

    /// Whether this resource could take this request.
    ///
    /// # Errors
    /// Why not, as a fragment.
    fn place(&self, _request: &Request, _place: &Place<'_>) -> Result<(), String> {
        Ok(())
    }
}

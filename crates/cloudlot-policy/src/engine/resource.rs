//! Resources of a program's own type.

use cloudlot_core::{Faults, Resource, ResourceBuilder};

/// Something that can be described as a resource, such as a program's own type of node.
///
/// ```
/// use cloudlot_core::{Faults, Resource, cores, gib};
/// use cloudlot_policy::engine::AsResource;
///
/// struct Blade { serial: u32, cores: u64 }
///
/// impl AsResource for Blade {
///     fn as_resource(&self) -> Result<Resource, Faults> {
///         let name = format!("blade-{}", self.serial);
///         Resource::node(name).capacity([cores(self.cores), gib(4 * self.cores)]).build()
///     }
/// }
/// assert_eq!(Blade { serial: 7, cores: 16 }.as_resource()?.name(), "blade-7");
/// # Ok::<(), Faults>(())
/// ```
pub trait AsResource {
    /// The resource.
    ///
    /// # Errors
    /// Everything that is wrong with its description.
    fn as_resource(&self) -> Result<Resource, Faults>;
}

impl AsResource for Resource {
    fn as_resource(&self) -> Result<Resource, Faults> {
        Ok(self.clone())
    }
}

impl AsResource for ResourceBuilder {
    fn as_resource(&self) -> Result<Resource, Faults> {
        self.clone().build()
    }
}

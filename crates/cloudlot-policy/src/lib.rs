//! Who gets what, and where: the kernels of allocation and packing.

pub mod pack;
pub mod share;

//! Where one part of the platform meets another.

mod mixed;
mod pairs;
mod yard;

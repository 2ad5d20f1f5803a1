//! What holds of hosts: the ledger and the instances agree at every step, rules choose as their naive models do, a lost host takes
//! nothing with it but its own, and moves never leave fewer warm instances.

mod choices;
mod course;
mod random;
mod world;

//! Learned scaling against calibrated rules, on loads of known kind and on real arrivals.

mod loads;
mod real;
mod rules;
mod statistics;
mod trained;

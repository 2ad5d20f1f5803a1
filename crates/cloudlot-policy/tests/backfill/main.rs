//! Backfill: the time axis, what is planned on it, whole schedules against a naive simulator, and a published experiment.

mod forecast;
mod lublin;
mod plans;
mod published;
mod schedules;
mod small;
mod world;

//! The exact course of small cases.

use crate::world::World;
use cloudlot_core::Bytes;
use cloudlot_serverless::*;
use std::time::Duration;

#[test]
fn placeholder() {
    let mut world = World::new(
        Settings::DEFAULT,
        Duration::ZERO,
        &[Function::new(Bytes::new(3))],
        &[Host::new(Bytes::new(0))],
    );
    println!("{:?}", world.arrive(0));
    println!(
        "{:?}",
        world.tell(Event::HostJoined(Host::new(Bytes::new(3))))
    );
    println!("{:?}", world.arrive(0));
    println!("{:?}", world.arrive(0));
    println!("{:?}", world.arrive(0));
    world.settle();
    println!("{:?} {:?}", world.replies, world.instances);
}

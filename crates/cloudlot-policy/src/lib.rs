//! stub
#![allow(missing_docs)]
pub mod pack {
    pub struct Item {
        pub load: u64,
        pub home: Option<usize>,
        pub allowed: Option<Vec<usize>>,
    }
    pub struct Balance {
        pub base: Vec<u64>,
        pub items: Vec<Item>,
    }
    impl Balance {
        pub fn new(base: Vec<u64>, items: Vec<Item>) -> Result<Self, String> {
            Ok(Self { base, items })
        }
    }
    pub struct Goal {
        pub spread: u64,
        pub slack: u64,
    }
    pub struct Assignment {
        pub bins: Vec<usize>,
    }
    pub fn balance(b: &Balance, _: Goal, _: u64) -> Assignment {
        Assignment {
            bins: b.items.iter().map(|i| i.home.unwrap_or(0)).collect(),
        }
    }
}

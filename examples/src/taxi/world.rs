//! The Taxi world: a grid of five by five with some walls, a passenger to be fetched at one stand
//! and brought to another.
//!
//! Source: Dietterich, "Hierarchical Reinforcement Learning with the MAXQ Value Function
//! Decomposition" (2000).

use cloudlot_qlearn::exact::{Model, ModelBuilder};
use cloudlot_qlearn::{ActionId, Mask, StateId};
use std::fmt;
use std::str::FromStr;

/// After how many steps an episode is cut short.
pub const STEPS_MAX: u32 = 200;

/// How many states there are.
pub const STATES: u32 = SIDE * SIDE * PLACES * STANDS;

/// What the actions are called, in the order of their numbers.
pub const ACTIONS: [&str; 6] = ["south", "north", "east", "west", "pickup", "dropoff"];

/// Rows and columns of the grid.
pub(super) const SIDE: u32 = 5;

const SOUTH: ActionId = ActionId(0);
const NORTH: ActionId = ActionId(1);
const EAST: ActionId = ActionId(2);
const WEST: ActionId = ActionId(3);
const PICKUP: ActionId = ActionId(4);
const DROPOFF: ActionId = ActionId(5);

const STANDS: u32 = 4;
/// Where a passenger can be: at a stand or in the taxi.
const PLACES: u32 = STANDS + 1;
/// The place of a passenger who rides.
const TAXI: u32 = STANDS;

/// Where the stands are, by row and column, and what they are called.
const STAND: [(u32, u32); 4] = [(0, 0), (0, 4), (4, 0), (4, 3)];
const PLACE: [&str; 5] = ["R", "G", "Y", "B", "taxi"];

/// Walls are to the east of these, by row and column.
const WALL: [(u32, u32); 6] = [(0, 1), (1, 1), (3, 0), (3, 2), (4, 0), (4, 2)];

const STEP: f64 = -1.0;
const ILLEGAL: f64 = -10.0;
const DELIVERY: f64 = 20.0;

/// Where the taxi and its passenger are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Situation {
    /// The row of the taxi, from the north.
    pub row: u32,
    /// The column of the taxi, from the west.
    pub column: u32,
    /// The stand where the passenger waits, or 4 in the taxi.
    pub passenger: u32,
    /// The stand where the passenger wants to go.
    pub destination: u32,
}

impl Situation {
    /// The situation that a state stands for; nothing where there is no such state.
    #[must_use]
    pub fn of(state: StateId) -> Option<Self> {
        let rest = state.0;
        (rest < STATES).then_some(Self {
            row: rest / (STANDS * PLACES * SIDE),
            column: rest / (STANDS * PLACES) % SIDE,
            passenger: rest / STANDS % PLACES,
            destination: rest % STANDS,
        })
    }

    /// Its number: `((row · 5 + column) · 5 + passenger) · 4 + destination`.
    #[must_use]
    pub const fn state(self) -> StateId {
        let cell = self.row * SIDE + self.column;
        StateId((cell * PLACES + self.passenger) * STANDS + self.destination)
    }

    /// The actions that change something.
    #[must_use]
    pub fn mask(self) -> Mask {
        let (row, column) = (self.row, self.column);
        let useful = [
            (SOUTH, row + 1 < SIDE),
            (NORTH, row > 0),
            (EAST, column + 1 < SIDE && !WALL.contains(&(row, column))),
            (WEST, column > 0 && !WALL.contains(&(row, column - 1))),
            (PICKUP, self.stand() == Some(self.passenger)),
            (DROPOFF, self.passenger == TAXI && self.stand().is_some()),
        ];
        let useful = useful.into_iter().filter(|(_, is)| *is);
        useful.fold(Mask::NONE, |mask, (action, _)| mask.with(action))
    }

    /// The stand where the taxi is.
    fn stand(self) -> Option<u32> {
        let here = (self.row, self.column);
        (0..STANDS)
            .zip(STAND)
            .find(|(_, at)| *at == here)
            .map(|(stand, _)| stand)
    }

    /// The passenger was brought to where they wanted to go.
    fn is_over(self) -> bool {
        self.passenger == self.destination && self.stand() == Some(self.passenger)
    }

    /// What an action leads to and earns.
    fn after(self, action: ActionId) -> (Self, f64) {
        if !self.mask().allows(action) {
            let rode = action == PICKUP || action == DROPOFF;
            return (self, if rode { ILLEGAL } else { STEP });
        }
        let mut next = self;
        match action {
            SOUTH => next.row += 1,
            NORTH => next.row -= 1,
            EAST => next.column += 1,
            WEST => next.column -= 1,
            PICKUP => next.passenger = TAXI,
            // Where nobody wanted to go the passenger waits again.
            _ => next.passenger = self.stand().unwrap_or(TAXI),
        }
        let delivered = action == DROPOFF && next.is_over();
        (next, if delivered { DELIVERY } else { STEP })
    }
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, column, .. } = self;
        let slice = Slice {
            passenger: self.passenger,
            destination: self.destination,
        };
        write!(f, "row {row}, column {column}, {slice}")
    }
}

/// The number of a state, or `ROW,COLUMN,PASSENGER,DESTINATION`, such as `2,3,taxi,R`.
impl FromStr for Situation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse() {
            let last = STATES - 1;
            return Self::of(StateId(number))
                .ok_or_else(|| format!("states are numbered from 0 to {last}"));
        }
        let parts: Vec<&str> = text.split(',').collect();
        let &[row, column, passenger, destination] = parts.as_slice() else {
            return Err("a number, or ROW,COLUMN,PASSENGER,DESTINATION".to_owned());
        };
        let line = |text: &str| match text.trim().parse() {
            Ok(number) if number < SIDE => Ok(number),
            _ => Err(format!("{text:?}: rows and columns are 0 to 4")),
        };
        Ok(Self {
            row: line(row)?,
            column: line(column)?,
            passenger: place(passenger, PLACES)?,
            destination: place(destination, STANDS)?,
        })
    }
}

/// All situations with the passenger in one place and one wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slice {
    /// The stand where the passenger waits, or 4 in the taxi.
    pub passenger: u32,
    /// The stand where the passenger wants to go.
    pub destination: u32,
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |place: u32| PLACE.get(StateId(place).index()).copied().unwrap_or("?");
        let to = name(self.destination);
        if self.passenger == TAXI {
            return write!(f, "passenger in the taxi to {to}");
        }
        write!(f, "passenger at {} to {to}", name(self.passenger))
    }
}

/// `PASSENGER:DESTINATION`, such as `R:G` or `taxi:G`.
impl FromStr for Slice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':');
        let (passenger, destination) = parts.ok_or("PASSENGER:DESTINATION, such as taxi:G")?;
        Ok(Self {
            passenger: place(passenger, PLACES)?,
            destination: place(destination, STANDS)?,
        })
    }
}

fn place(name: &str, places: u32) -> Result<u32, String> {
    let named = (0..places).zip(PLACE).find(|(_, known)| *known == name);
    named.map(|(place, _)| place).ok_or_else(|| {
        let known = if places > STANDS {
            "R, G, Y, B or taxi"
        } else {
            "R, G, Y or B"
        };
        format!("{name:?} is not {known}")
    })
}

/// All situations, by the numbers of their states.
pub fn situations() -> impl Iterator<Item = Situation> {
    (0..STATES).filter_map(|state| Situation::of(StateId(state)))
}

/// The world as a model; with `masked`, useless actions are not legal.
///
/// Episodes begin anywhere, with the passenger at a stand and another one to go to.
#[must_use]
pub fn model(masked: bool) -> Model {
    let starts: Vec<_> = situations()
        .filter(|now| now.passenger != TAXI && now.passenger != now.destination)
        .collect();
    let chance = 1.0 / f64::from(u32::try_from(starts.len()).unwrap_or(u32::MAX));
    let mut builder = Model::builder(STATES, 6);
    for now in situations() {
        add(&mut builder, now);
    }
    for start in starts {
        builder.start(start.state(), chance);
    }
    let model = builder.build().expect("the rules make a model");
    if !masked {
        return model;
    }
    let masks: Vec<Mask> = situations().map(Situation::mask).collect();
    model
        .restricted(&masks)
        .expect("something is of use everywhere")
}

fn add(builder: &mut ModelBuilder, now: Situation) {
    let state = now.state();
    if now.is_over() {
        builder.terminal(state);
        return;
    }
    for action in Mask::all(ACTIONS.len()).iter() {
        let (next, earned) = now.after(action);
        builder.goes(state, action, 1.0, next.state(), earned);
    }
}

/// What an action is called.
#[must_use]
pub fn name(action: ActionId) -> String {
    ACTIONS
        .get(action.index())
        .map_or_else(|| action.0.to_string(), |name| (*name).to_owned())
}

//! Means over seeds, and how sure they are.

//! One macro for identifiers, so that a number of one thing cannot pass for a number of another.

/// Declares a `Copy` newtype over an unsigned integer that prints as `prefix` and the number.
///
/// The number is public through `new` and `number`; there is no arithmetic.
/// ```
/// cloudlot_core::id_type! {
///     /// A shelf in the example.
///     pub struct ShelfId(u32, "shelf-");
/// }
/// assert_eq!(ShelfId::new(3).to_string(), "shelf-3");
/// assert!(ShelfId::new(3) < ShelfId::new(4));
/// ```
#[macro_export]
macro_rules! id_type {
    ($(#[$doc:meta])* $vis:vis struct $name:ident($int:ty, $prefix:literal);) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name($int);

        impl $name {
            /// The identifier with this number.
            #[must_use]
            pub const fn new(number: $int) -> Self {
                Self(number)
            }

            /// The number behind the identifier.
            #[must_use]
            pub const fn number(self) -> $int {
                self.0
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, ::core::concat!($prefix, "{}"), self.0)
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(self, f)
            }
        }
    };
}

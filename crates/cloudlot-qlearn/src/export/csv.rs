//! One line of comma-separated values.
//!
//! Source: RFC 4180, with line feeds alone.

use std::io::{self, Write};

/// Writes the fields, quoted where they must be.
pub(super) fn line<S: AsRef<str>>(
    to: &mut impl Write,
    fields: impl IntoIterator<Item = S>,
) -> io::Result<()> {
    for (at, field) in fields.into_iter().enumerate() {
        if at > 0 {
            to.write_all(b",")?;
        }
        let field = field.as_ref();
        if field.contains([',', '"', '\n', '\r']) {
            write!(to, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            to.write_all(field.as_bytes())?;
        }
    }
    to.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_must_be_quoted_is() {
        let mut text = Vec::new();
        line(&mut text, ["a b", "1,5", "say \"x\"", "", "two\nlines"]).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "a b,\"1,5\",\"say \"\"x\"\"\",,\"two\nlines\"\n"
        );
    }
}

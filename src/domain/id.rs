//! Identifiers: UUID version 7 (RFC 9562) in lower-case text, so that ids made later sort later.

use super::time::Moment;
use uuid::{NoContext, Timestamp, Uuid};

/// A new id whose leading 48 bits are `now`; the rest is random.
pub fn new(now: Moment) -> String {
    let milliseconds = u64::try_from(now.milliseconds()).unwrap_or(0);
    let nanoseconds = u32::try_from(milliseconds % 1000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(Timestamp::from_unix(NoContext, milliseconds / 1000, nanoseconds)).to_string()
}

/// Whether `text` has the form of an id. A slug may not look like one: `{article}` in a path takes either.
pub fn looks_like_one(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_made_later_sorts_later_and_is_of_version_7() {
        let (earlier, later) = (new(Moment::from_milliseconds(1_000)), new(Moment::from_milliseconds(1_001)));
        assert!(earlier < later);
        assert_eq!(Uuid::parse_str(&later).unwrap().get_version_num(), 7);
        assert!(looks_like_one(&later));
        assert!(!looks_like_one("u-s-and-guatemala-address-migration-36"));
    }
}

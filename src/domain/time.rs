//! Moments on the wire: RFC 3339 in UTC with exactly three fractional digits and `Z`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A point in time, in integer milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with any offset; fractions finer than a millisecond are cut.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|timestamp| Self(timestamp.as_millisecond()))
    }

    /// The first moment of `year` in UTC; `None` outside the years 1 to 9999.
    pub fn start_of_year(year: i16) -> Option<Self> {
        (1..=9999).contains(&year).then(|| Self::parse(&format!("{year:04}-01-01T00:00:00Z"))).flatten()
    }

    /// The year in UTC.
    pub fn year(self) -> i16 {
        jiff::tz::Offset::UTC.to_datetime(self.timestamp()).year()
    }

    /// The form of the `Last-Modified` header (RFC 9110 §5.6.7), which knows whole seconds only.
    pub fn http_date(self) -> String {
        self.timestamp().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// `20250627T143000Z`: as it stands in names of files, and in signatures (ISO 8601, basic form).
    pub fn compact(self) -> String {
        self.timestamp().strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time"))
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, UTC, milliseconds"))
            .examples(["2025-06-27T14:30:00.000Z"])
            .into()
    }
}

impl ToSchema for Moment {
    fn name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_with_three_digits() {
        let moment = Moment::parse("2025-06-27T08:30:00-06:00").unwrap();
        assert_eq!(moment.to_string(), "2025-06-27T14:30:00.000Z");
        assert_eq!(Moment::parse("2025-06-27T14:30:00.123456Z").unwrap().to_string(), "2025-06-27T14:30:00.123Z");
        assert_eq!((moment.year(), moment.compact().as_str()), (2025, "20250627T143000Z"));
        assert_eq!(moment.http_date(), "Fri, 27 Jun 2025 14:30:00 GMT");
        assert_eq!(Moment::parse("yesterday"), None);
        assert_eq!(Moment::start_of_year(2025).unwrap().to_string(), "2025-01-01T00:00:00.000Z");
    }
}

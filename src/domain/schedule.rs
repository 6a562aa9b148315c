//! What comes by itself at a time: when that is, and what may be asked for.

use super::breach::Breach;
use super::time::Moment;
use jiff::civil::DateTime;
use jiff::fmt::temporal::{DateTimeParser, Pieces};
use jiff::tz::{AmbiguousOffset, Disambiguation, Offset, OffsetConflict, TimeZone};

/// What happens to a story when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Publish,
    Unpublish,
}

impl Action {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Unpublish => "unpublish",
        }
    }

    /// The action of that name, as it is stored.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Publish, Self::Unpublish].into_iter().find(|action| action.name() == name)
    }
}

/// Reads a time with an offset (RFC 3339) or with a zone of the IANA database (RFC 9557, `2026-11-01T09:00[America/Guatemala]`).
///
/// # Errors
/// One sentence that tells the editor what to send: no offset and no zone, an unknown zone, a time that clocks skip or show twice, or an
/// offset that the zone does not have then.
pub fn read_time(text: &str) -> Result<Moment, String> {
    if !text.contains('[') {
        return Moment::parse(text).ok_or_else(|| {
            "Send a time with an offset (2026-11-01T09:00:00-06:00) or with a zone (2026-11-01T09:00[America/Guatemala]).".into()
        });
    }
    let parser = DateTimeParser::new().offset_conflict(OffsetConflict::Reject).disambiguation(Disambiguation::Reject);
    match parser.parse_zoned_datetime(text) {
        Ok(zoned) => Ok(Moment::from_milliseconds(zoned.timestamp().as_millisecond())),
        Err(_) => Err(unclear(text).unwrap_or_else(|| {
            "Send a time of the calendar with a zone of the IANA database, as in 2026-11-01T09:00[America/Guatemala]; with an offset, too, it has to be the zone's.".into()
        })),
    }
}

/// What is unclear about a time that clocks skip or show twice.
fn unclear(text: &str) -> Option<String> {
    let pieces = Pieces::parse(text).ok()?;
    if pieces.offset().is_some() {
        return None;
    }
    let zone = pieces.to_time_zone().ok()??;
    let wall = pieces.date().to_datetime(pieces.time()?);
    let name = zone.iana_name().unwrap_or("the zone").to_owned();
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Gap { before, after } => {
            let (earlier, later) = (instant(wall, after), instant(wall, before));
            Some(format!("Clocks in {name} skip {wall}. Say which moment you mean: {earlier} or {later}."))
        }
        AmbiguousOffset::Fold { before, after } => {
            let (earlier, later) = (instant(wall, before), instant(wall, after));
            Some(format!("Clocks in {name} show {wall} twice. Say which moment you mean: {earlier} or {later}."))
        }
        AmbiguousOffset::Unambiguous { .. } => None,
    }
}

/// The moment that a clock of that offset shows so, in UTC.
fn instant(wall: DateTime, offset: Offset) -> Moment {
    let moment = TimeZone::fixed(offset).to_timestamp(wall);
    Moment::from_milliseconds(moment.map_or(0, |timestamp| timestamp.as_millisecond()))
}

/// What an editor asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub publish_at: Option<Moment>,
    pub unpublish_at: Option<Moment>,
    pub embargo_until: Option<Moment>,
}

impl Plan {
    /// What is wrong with it at `now`, for a story that is live or not.
    pub fn check(self, now: Moment, is_live: bool) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut breach = |member: &str, code: &'static str, detail: String| breaches.push(Breach::member(member, code, detail));
        if self == Self::default() {
            breach("", "empty", "Say when: `publish_at`, `unpublish_at` or `embargo_until`. To cancel, use `unschedule`.".into());
        }
        for (member, at, instead) in [("/publish_at", self.publish_at, "publish"), ("/unpublish_at", self.unpublish_at, "unpublish")] {
            if let Some(at) = at.filter(|at| *at <= now) {
                breach(member, "past", format!("{at} has passed: it is {now}. Use `{instead}` to do it now."));
            }
        }
        if let (Some(out), Some(down)) = (self.publish_at, self.unpublish_at)
            && down <= out
        {
            breach("/unpublish_at", "too_early", "A story is taken down after it is published.".into());
        }
        if self.unpublish_at.is_some() && self.publish_at.is_none() && !is_live {
            breach("/unpublish_at", "not_live", "The story is not live: say `publish_at`, too.".into());
        }
        if let (Some(out), Some(until)) = (self.publish_at, self.embargo_until)
            && out < until
        {
            breach("/publish_at", "embargoed", format!("The embargo ends at {until}."));
        }
        breaches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    #[test]
    fn a_time_has_an_offset_or_a_zone() {
        assert_eq!(read_time("2026-11-01T09:00:00-06:00"), Ok(at("2026-11-01T15:00:00Z")));
        assert_eq!(read_time("2026-11-01T09:00[America/Guatemala]"), Ok(at("2026-11-01T15:00:00Z")));
        assert_eq!(read_time("2026-11-01T09:00-06:00[America/Guatemala]"), Ok(at("2026-11-01T15:00:00Z")));
        for unclear in [
            "2026-11-01T09:00",
            "tomorrow",
            "2026-11-01T09:00[Nowhere/Town]",
            "2026-11-01T09:00+03:00[America/Guatemala]",
            "[]",
            "2026-02-30T09:00[UTC]",
        ] {
            assert!(read_time(unclear).is_err(), "{unclear}");
        }
    }

    #[test]
    fn a_time_that_clocks_skip_or_show_twice_is_told_with_both_moments() {
        let skipped = read_time("2026-03-29T02:30[Europe/Berlin]").unwrap_err();
        assert!(
            skipped.contains("skip") && skipped.contains("2026-03-29T00:30:00.000Z") && skipped.contains("2026-03-29T01:30:00.000Z"),
            "{skipped}"
        );
        let twice = read_time("2026-10-25T02:30[Europe/Berlin]").unwrap_err();
        assert!(
            twice.contains("twice") && twice.contains("2026-10-25T00:30:00.000Z") && twice.contains("2026-10-25T01:30:00.000Z"),
            "{twice}"
        );
        assert_eq!(read_time("2026-10-25T02:30+01:00[Europe/Berlin]"), Ok(at("2026-10-25T01:30:00Z")));
    }

    #[test]
    fn a_plan_lies_ahead_and_goes_up_before_it_comes_down() {
        let now = at("2026-11-01T09:00:00Z");
        let (soon, later) = (Some(at("2026-11-01T10:00:00Z")), Some(at("2026-11-01T11:00:00Z")));
        let codes = |plan: Plan, is_live| plan.check(now, is_live).into_iter().map(|breach| breach.code).collect::<Vec<_>>();
        let plan = Plan::default();
        assert_eq!(codes(Plan { publish_at: soon, unpublish_at: later, ..plan }, false), [""; 0]);
        assert_eq!(codes(plan, false), ["empty"]);
        assert_eq!(codes(Plan { publish_at: Some(now), ..plan }, false), ["past"]);
        assert_eq!(codes(Plan { publish_at: later, unpublish_at: soon, ..plan }, true), ["too_early"]);
        assert_eq!(codes(Plan { unpublish_at: soon, ..plan }, false), ["not_live"]);
        assert_eq!(codes(Plan { unpublish_at: soon, ..plan }, true), [""; 0]);
        assert_eq!(codes(Plan { publish_at: soon, embargo_until: later, ..plan }, false), ["embargoed"]);
    }
}

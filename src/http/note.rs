//! Why a story is written: the header `Revision-Note`, or the member `note` of a body that has one. It stands in the story's history.

use super::problem::{Code, Problem};
use crate::domain::breach::Breach;
use actix_web::http::header::HeaderValue;
use actix_web::{FromRequest, HttpRequest, dev};
use serde::{Deserialize, Serialize};
use std::future::{Ready, ready};
use utoipa::ToSchema;

/// The name of the header.
pub const REVISION_NOTE: &str = "Revision-Note";
/// The longest note, in characters.
pub const LONGEST: usize = 500;
/// How values begin that escape what is not ASCII (RFC 8187): browsers send nothing else beyond Latin-1.
const ESCAPED: &str = "UTF-8''";

/// What the header says, if it says anything.
pub struct RevisionNote(pub Option<String>);

/// A body with nothing but a reason.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// Why; it stands in the story's history. The header `Revision-Note` says the same.
    #[schema(max_length = 500, example = "The correction was wrong")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl RevisionNote {
    /// What the header says, else what the body says.
    #[must_use]
    pub fn or(self, body: Option<&str>) -> Self {
        Self(self.0.or_else(|| body.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty())))
    }
}

impl FromRequest for RevisionNote {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let values: Vec<&HeaderValue> = request.headers().get_all(REVISION_NOTE).collect();
        ready(read(&values).map(Self).map_err(|(code, detail)| Problem {
            errors: vec![Breach::header(REVISION_NOTE, code, detail)],
            ..Problem::new(Code::MalformedRequest, "Mend the header named in `errors` and send it again; nothing was stored.")
        }))
    }
}

fn read(values: &[&HeaderValue]) -> Result<Option<String>, (&'static str, String)> {
    let value = match values {
        [] => return Ok(None),
        [only] => only.as_bytes(),
        _ => return Err(("repeated", "Send one note.".into())),
    };
    let text = match value.split_at_checked(ESCAPED.len()) {
        Some((start, escaped)) if start.eq_ignore_ascii_case(ESCAPED.as_bytes()) => unescaped(escaped),
        _ => Some(value.to_owned()),
    };
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let note = text.ok_or_else(|| ("unreadable", format!("Send UTF-8, or escape it as in `{ESCAPED}Correcci%C3%B3n` (RFC 8187).")))?;
    let note = note.trim();
    if note.chars().count() > LONGEST {
        return Err(("too_long", format!("Use at most {LONGEST} characters.")));
    }
    if note.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(("control_character", "Leave control characters out.".into()));
    }
    Ok(Some(note.to_owned()).filter(|note| !note.is_empty()))
}

/// The bytes behind `%` escapes; `None` where one is cut short.
fn unescaped(escaped: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => *other,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(value: &[u8]) -> Result<Option<String>, &'static str> {
        read(&[&HeaderValue::from_bytes(value).unwrap()]).map_err(|(code, _)| code)
    }

    #[test]
    fn a_note_is_utf_8_as_it_is_or_escaped() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(note(b"   "), Ok(None));
        assert_eq!(note(" Corrección: 50 % más ".as_bytes()), Ok(Some("Corrección: 50 % más".into())));
        assert_eq!(note(b"utf-8''Correcci%c3%B3n"), Ok(Some("Corrección".into())));
        for unreadable in [&b"Correcci\xF3n"[..], b"UTF-8''%F3", b"UTF-8''%C3%B", b"UTF-8''%", b"UTF-8''%+1%zz"] {
            assert_eq!(note(unreadable), Err("unreadable"));
        }
        assert_eq!(note(b"UTF-8''%1B%5B31mred"), Err("control_character"));
        assert_eq!(note("ó".repeat(500).as_bytes()), Ok(Some("ó".repeat(500))));
        assert_eq!(note("ó".repeat(501).as_bytes()), Err("too_long"));
    }
}

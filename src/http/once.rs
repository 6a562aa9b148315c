//! `Idempotency-Key`: a POST that is sent again does nothing again (IETF draft-ietf-httpapi-idempotency-key-header).
//!
//! The answer is made inside the write's transaction and kept in it: either both are on disk, or neither.

use super::answer::Reply;
use super::problem::{Code, Problem};
use super::site::{Site, Worker};
use crate::auth::Envelope;
use crate::domain::breach::Breach;
use crate::domain::time::Moment;
use crate::domain::user::Caller;
use crate::store::idempotency::{self, KeptAnswer};
use crate::store::{self, Conn, Write};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, dev};
use std::future::{Ready, ready};

pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
pub const LONGEST: usize = 255;

/// The key of a POST, if it has one. Guards note who is asking, and `Body` notes what: both stand before this is used.
pub struct Once(Option<(String, HttpRequest)>);

/// What a POST asks, as a hash; `Body` leaves it with the request.
#[derive(Clone)]
pub struct Fingerprint(pub String);

/// A write that is to happen once.
#[derive(Clone)]
struct Asked {
    envelope: Envelope,
    fingerprint: String,
    now: Moment,
}

impl Once {
    /// Whether a request carries a key, so that its fingerprint will be asked for.
    pub fn is_asked_of(request: &HttpRequest) -> bool {
        request.headers().contains_key(IDEMPOTENCY_KEY)
    }

    /// Runs one transaction whose outcome is the answer, and keeps that with it; or answers as before, if it has happened already.
    pub async fn write<E>(
        &self,
        site: &Site,
        work: impl FnOnce(&mut Write<'_>) -> Result<Reply, E> + Clone + Send + 'static,
    ) -> Result<HttpResponse, E>
    where
        E: From<store::Error> + From<Problem> + Send + 'static,
    {
        let Some(asked) = self.asked(site)? else { return Ok(site.write(work).await?.into()) };
        let reply = site.write(move |write| -> Result<_, E> {
            idempotency::take_turn(write, &asked.envelope.name)?;
            if let Some(reply) = asked.reply(write)? {
                write.note_idle();
                return Ok(reply);
            }
            let reply = work(write)?;
            idempotency::keep(write, &asked.envelope.name, asked.kept(&reply)?, asked.now)?;
            Ok(reply)
        });
        Ok(reply.await?.into())
    }

    /// The answer that was given before: for those who judge before they write, and would judge otherwise now.
    pub async fn replay(&self, site: &Worker) -> Result<Option<HttpResponse>, Problem> {
        let Some(asked) = self.asked(site)? else { return Ok(None) };
        let reply = site.store.read_loosely(move |conn| asked.reply(conn)).await?;
        Ok(reply.map(HttpResponse::from))
    }

    fn asked(&self, site: &Worker) -> Result<Option<Asked>, Problem> {
        let Some((key, request)) = &self.0 else { return Ok(None) };
        let extensions = request.extensions();
        let (Some(caller), Some(Fingerprint(fingerprint))) = (extensions.get::<Caller>(), extensions.get::<Fingerprint>()) else {
            return Err(Problem::internal("a POST keeps its answer before its caller and its body are known"));
        };
        let envelope = site.desk.tokens.sealer().envelope(caller.asker(), key);
        Ok(Some(Asked { envelope, fingerprint: fingerprint.clone(), now: site.now() }))
    }
}

impl Asked {
    fn reply(&self, conn: &mut Conn) -> Result<Option<Reply>, Problem> {
        let Some(kept) = idempotency::find(conn, &self.envelope.name, self.now)? else { return Ok(None) };
        if kept.fingerprint != self.fingerprint {
            let detail = "You have sent another request under this key. Take a new key for a new request.";
            return Err(Problem::new(Code::IdempotencyKeyReused, detail));
        }
        let plain = self.envelope.open(&kept.answer).and_then(|plain| serde_json::from_slice::<Reply>(&plain).ok());
        let reply = plain.ok_or_else(|| {
            let detail =
                "The write has happened, but its answer can no longer be read: the server's secret has changed. Look at what is there.";
            Problem::new(Code::IdempotencyKeyReused, detail)
        })?;
        Ok(Some(reply.again()))
    }

    fn kept(&self, reply: &Reply) -> Result<KeptAnswer, Problem> {
        let failed = |error: &dyn std::error::Error| Problem::internal(&error.to_string());
        let plain = serde_json::to_vec(reply).map_err(|error| failed(&error))?;
        let answer = self.envelope.seal(&plain).map_err(|error| failed(&error))?;
        Ok(KeptAnswer { fingerprint: self.fingerprint.clone(), answer })
    }
}

impl FromRequest for Once {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let values: Vec<&[u8]> = request.headers().get_all(IDEMPOTENCY_KEY).map(|value| value.as_bytes()).collect();
        ready(read(&values).map(|key| Self(key.map(|key| (key, request.clone())))).map_err(|(code, detail)| Problem {
            errors: vec![Breach::header(IDEMPOTENCY_KEY, code, detail)],
            ..Problem::new(Code::MalformedRequest, "Mend the header named in `errors` and send it again; nothing was stored.")
        }))
    }
}

/// One key: plain, or in the quotes of a structured field (RFC 9651 §3.3.3).
fn read(values: &[&[u8]]) -> Result<Option<String>, (&'static str, String)> {
    let value = match values {
        [] => return Ok(None),
        [only] => *only,
        _ => return Err(("repeated", "Send one key.".into())),
    };
    let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    let is_plain = (1..=LONGEST).contains(&bare.len()) && bare.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if is_plain {
        return Ok(Some(String::from_utf8_lossy(bare).into_owned()));
    }
    Err(("invalid", format!("Send 1 to {LONGEST} visible ASCII characters, made anew for each request; a UUID is best.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_plain_or_quoted_and_never_long() {
        let key = |value: &[u8]| read(&[value]).map_err(|(code, _)| code);
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(key(b"8e03978e-40d5"), Ok(Some("8e03978e-40d5".into())));
        assert_eq!(key(b"\"8e03978e-40d5\""), Ok(Some("8e03978e-40d5".into())));
        assert_eq!(key(&[b'a'; 255]).map(|key| key.map(|key| key.len())), Ok(Some(255)));
        for bad in [&b""[..], b"\"\"", &[b'['; 256], b"caf\xc3\xa9", b"a\tb"] {
            assert_eq!(key(bad), Err("invalid"));
        }
        assert_eq!(read(&[b"a", b"b"]).map_err(|(code, _)| code), Err("repeated"));
    }
}

//! What it costs to know who asks: the same cold stories read by a stranger, with an access token, and with an API key, from a server that
//! keeps no answers. The difference is all that a token or key adds, recognising, judging and counting.

use crate::corpus::Corpus;
use crate::load::{Case, Figures, median, run};
use copydesk::auth::{ApiKey, SigningSecret, Subject, Tokens, password};
use copydesk::domain::api_key::Grant;
use copydesk::domain::audit::Occasion;
use copydesk::domain::id;
use copydesk::domain::rights::Scope;
use copydesk::domain::user::Role;
use copydesk::http::{Clock, signing};
use copydesk::store::api_keys::{self, KeyDraft};
use copydesk::store::sessions::{self, SessionRow};
use copydesk::store::users::{self, UserDraft};
use copydesk::store::{Error, open_sqlite, write_on};
use std::path::Path;

const ROUNDS: usize = 7;
pub const EMAIL: &str = "bench@example.com";
pub const PASSWORD: &str = "a lighthouse keeper reads at night";

pub fn measure(corpus: &Corpus) {
    let (token, key) = credentials(corpus.folder()).expect("an account");
    let paths = corpus.stories();
    let case = |name, bearer: Option<&str>| {
        let headers = bearer.map(|bearer| ("authorization", format!("Bearer {bearer}"))).into_iter().collect();
        Case { name, paths: paths.clone(), headers, is_cold: true }
    };
    let cases = [case("stranger", None), case("access token", Some(&token)), case("API key", Some(&key))];
    let mut figures: Vec<Vec<Figures>> = cases.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (case, figures) in cases.iter().zip(&mut figures) {
            figures.push(run(corpus.forgetful.port, corpus.forgetful.pid(), case));
        }
    }
    println!("| who reads a cold story | requests/s | CPU µs | of which knowing who | p50 ms | p99 ms |\n|---|---|---|---|---|---|");
    let of = |figures: &[Figures], value: fn(&Figures) -> f64| median(figures.iter().map(value).collect());
    let without = of(&figures[0], |f| f.cpu);
    for (case, figures) in cases.iter().zip(&figures) {
        let cpu = of(figures, |f| f.cpu);
        let (rate, p50, p99) = (of(figures, |f| f.rate), of(figures, |f| f.p50), of(figures, |f| f.p99));
        println!("| {} | {rate:.0} | {cpu:.1} | {:.1} % | {p50:.2} | {p99:.2} |", case.name, (cpu - without) / cpu * 100.0);
    }
}

/// Somebody with a session and a key.
pub fn credentials(folder: &Path) -> Result<(String, String), Error> {
    let mut conn = open_sqlite(&folder.join("copydesk.db"))?;
    let now = Clock::system().now();
    let user_id = id::new(now);
    let secret = SigningSecret::load_or_create(&folder.join("jwt-secret")).map_err(|error| Error::Start(error.to_string()))?;
    let start = |error: &dyn std::fmt::Display| Error::Start(error.to_string());
    let typed = password::Password::parse(PASSWORD).map_err(|error| start(&error))?;
    let password_hash = Some(password::hash(&typed).map_err(|error| start(&error))?);
    let draft = UserDraft { email: EMAIL.into(), name: EMAIL.into(), role: Role::Editor, disabled: false, password_hash };
    let milliseconds = now.milliseconds();
    let session = SessionRow {
        id: id::new(now),
        user_id: user_id.clone(),
        device: None,
        address: None,
        created_at: milliseconds,
        last_seen_at: milliseconds,
        expires_at: milliseconds + 86_400_000,
    };
    let key = ApiKey::random().map_err(|error| start(&error))?;
    let grant = Grant { scopes: vec![Scope::ContentRead], ..Grant::default() };
    let label = "bench".to_owned();
    let key_draft =
        KeyDraft { id: id::new(now), user_id: user_id.clone(), label, hash: key.hash(), prefix: key.prefix(), grant, created_by: None };
    write_on(&mut conn, Occasion::of_command("bench", now), |write| {
        users::insert(write, &user_id, draft, None, now)?;
        sessions::begin(write, &session, &session.id)?;
        api_keys::insert(write, key_draft, now)
    })?;
    let tokens = Tokens::new(&secret, "copydesk", "copydesk", 86_400);
    // The key that the servers sign with.
    let prepared = write_on(&mut conn, Occasion::of_command("bench", now), |write| signing::prepare(write, &tokens, now));
    prepared.map_err(|_| Error::Start("there is no key to sign with".into()))?;
    let subject = Subject { user_id, ver: 1, session: Some(session.id) };
    let token = tokens.issue(&subject, milliseconds).map_err(|error| start(&error))?.token;
    Ok((token, key.reveal()))
}

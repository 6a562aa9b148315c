//! A newsroom for one test: a server of its own on a database of its own, and the people who talk to it.

use copydesk::auth::{SigningSecret, Subject, Tokens, password};
use copydesk::domain::audit::Occasion;
use copydesk::domain::id;
use copydesk::domain::revision::Retention;
use copydesk::domain::time::Moment;
use copydesk::domain::user::Role;
use copydesk::http::{self, Clock, HttpSettings, RateLimit};
use copydesk::store::marks::Marks;
use copydesk::store::users::{self, UserDraft};
use copydesk::store::{Conn, Shared, migrate, open_postgres, open_sqlite, write_on};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The secret that every test's tokens are signed with.
pub const SECRET: &str = "q3Xv8Lw0ZtRkY5uNf2HsJm7PcB9dGa4Ee1oIxWiVyTzMhUrQ";

/// A server, its database and its clock.
pub struct Newsroom {
    pub address: SocketAddr,
    pub tokens: Tokens,
    now: Arc<AtomicI64>,
    agent: ureq::Agent,
    settings: HttpSettings,
    database: Arc<Database>,
    marks: Arc<Marks>,
    pub watch: http::Watch,
    stop: Option<actix_web::dev::ServerHandle>,
}

/// Where a test's rows are.
pub enum Database {
    Sqlite(tempfile::TempDir),
    Postgres(String),
}

/// Somebody who has an account.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub token: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Newsroom {
    /// Opens an empty newsroom.
    pub fn open() -> Self {
        Self::open_with(|_| {})
    }

    /// Opens an empty newsroom with settings of its own.
    pub fn open_with(change: impl FnOnce(&mut HttpSettings)) -> Self {
        let database = Database::new();
        database.migrate();
        Self::open_on(database, change)
    }

    /// Opens a newsroom on a database that is there already.
    pub fn open_on(database: Database, change: impl FnOnce(&mut HttpSettings)) -> Self {
        let tokens = Tokens::new(&SigningSecret::from_config(SECRET).unwrap(), "copydesk", "copydesk", 900);
        let now = Arc::new(AtomicI64::new(Moment::parse("2025-06-27T14:30:00Z").unwrap().milliseconds()));
        let mut settings = HttpSettings {
            public_url: "https://api.news.example".into(),
            article_url: "https://news.example/{slug}".into(),
            cors_origins: vec!["https://desk.example".into()],
            docs: true,
            cache_bytes: 16 * 1024 * 1024,
            body_limit: 2 * 1024 * 1024,
            body_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(30),
            traced: false,
            trusted_proxies: Vec::new(),
            rate_limit: RateLimit::None,
            gate: Vec::new(),
            retention: Retention::default(),
            trash_days: 30,
            audit_days: 365,
            provider: None,
            mailer: None,
            invite_url: None,
            backups: None,
            second_factor: Vec::new(),
        };
        change(&mut settings);
        Self::serve(Arc::new(database), settings, tokens, now)
    }

    /// Another server on the same database, with settings of its own.
    pub fn node(&self, change: impl FnOnce(&mut HttpSettings)) -> Self {
        let mut settings = self.settings.clone();
        change(&mut settings);
        Self::serve(self.database.clone(), settings, self.tokens.clone(), self.now.clone())
    }

    /// Another server on the same database that signs with another secret.
    pub fn node_with_secret(&self, secret: &str) -> Self {
        let tokens = Tokens::new(&SigningSecret::from_config(secret).unwrap(), "copydesk", "copydesk", 900);
        Self::serve(self.database.clone(), self.settings.clone(), tokens, self.now.clone())
    }

    fn serve(database: Arc<Database>, settings: HttpSettings, tokens: Tokens, now: Arc<AtomicI64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let clock = {
            let now = now.clone();
            Clock::new(move || Moment::from_milliseconds(now.load(Ordering::SeqCst)))
        };
        crate::signing::prepare(&mut database.conn(), &tokens, Moment::from_milliseconds(now.load(Ordering::SeqCst)));
        let (ready, started) = std::sync::mpsc::channel();
        let shared = database.shared();
        let marks = shared.marks().clone();
        let (server_settings, server_tokens) = (settings.clone(), tokens.clone());
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let running = http::start(listener, 2, server_settings, shared, server_tokens, clock).unwrap();
                ready.send((running.handle, running.watch)).unwrap();
                running.ended.await.unwrap();
            });
        });
        let (stop, watch) = started.recv().unwrap();
        let stop = Some(stop);
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(Some(Duration::from_secs(60)));
        Self { address, tokens, now, agent: config.build().into(), settings, database, marks, watch, stop }
    }

    /// The database as Diesel was asked for it.
    pub fn database_url(&self) -> String {
        match &*self.database {
            Database::Sqlite(folder) => folder.path().join("test.db").to_str().unwrap().to_owned(),
            Database::Postgres(url) => url.clone(),
        }
    }

    /// The newsroom after its only server was down for so long.
    pub fn restarted_after(mut self, milliseconds: i64) -> Self {
        if let Some(stop) = self.stop.take() {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(stop.stop(true));
        }
        self.pass(milliseconds);
        self.node(|_| {})
    }

    /// Makes the server forget all that it keeps of the live view.
    pub fn forget(&self) {
        self.marks.touch_all();
    }

    /// The time as the server sees it.
    pub fn now(&self) -> Moment {
        Moment::from_milliseconds(self.now.load(Ordering::SeqCst))
    }

    /// Lets time pass.
    pub fn pass(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Somebody with that role, signed in, without a password.
    pub fn person(&self, role: Role) -> Person {
        self.person_with(role, None)
    }

    /// Somebody with that role and password, signed in.
    pub fn person_with(&self, role: Role, password: Option<&str>) -> Person {
        let id = id::new(self.now());
        let email = format!("{}-{id}@example.com", role.name());
        let password_hash = password.map(|text| password::hash(&password::Password::parse(text).unwrap()).unwrap());
        let draft = UserDraft { email: email.clone(), name: role.name().into(), role, disabled: false, password_hash };
        let (now, hired) = (self.now(), Occasion::of_system("hire", self.now()));
        write_on(&mut self.database.conn(), hired, |write| users::insert(write, &id, draft, None, now)).unwrap();
        let token = self.token(&id, 1);
        Person { id, email, token }
    }

    /// A token for that user and token version.
    pub fn token(&self, user_id: &str, ver: i64) -> String {
        let subject = Subject { user_id: user_id.to_owned(), ver, session: None };
        self.tokens.issue(&subject, self.now().milliseconds()).unwrap().token
    }

    /// A connection past the server, to look behind it.
    pub fn conn(&self) -> Conn {
        self.database.conn()
    }

    /// The doors that the server goes through, past the server.
    pub fn shared(&self) -> Shared {
        self.database.shared()
    }

    /// Sends a request. `by` is who sends it, `None` a stranger.
    pub fn send(&self, method: &str, path: &str, by: Option<&Person>, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(person) = by {
            request = request.header("authorization", format!("Bearer {}", person.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.unwrap_or_default().to_vec()).unwrap();
        let mut response = self.agent.run(request).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").to_owned())).collect();
        let body = response.body_mut().with_config().limit(64 * 1024 * 1024).read_to_vec().unwrap();
        Answer { status: response.status().as_u16(), headers, body }
    }

    /// A GET by a stranger.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[], None)
    }

    /// A GET by a person.
    pub fn get_as(&self, person: &Person, path: &str) -> Answer {
        self.send("GET", path, Some(person), &[], None)
    }

    /// A POST of JSON by a person, with `If-Match: *` for steps that need it.
    pub fn post(&self, person: &Person, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json"), ("if-match", "*")];
        self.send("POST", path, Some(person), &headers, Some(body.to_string().as_bytes()))
    }

    /// A merge patch by a person who has seen `etag` (`*` for whatever is there).
    pub fn patch(&self, person: &Person, path: &str, etag: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/merge-patch+json"), ("if-match", etag)];
        self.send("PATCH", path, Some(person), &headers, Some(body.to_string().as_bytes()))
    }

    /// A DELETE by a person, whatever is there.
    pub fn delete(&self, person: &Person, path: &str) -> Answer {
        self.send("DELETE", path, Some(person), &[("if-match", "*")], None)
    }

    /// Creates a story and answers its working view.
    pub fn draft(&self, person: &Person, story: &Value) -> Value {
        self.post(person, "/v1/articles", story).expect(201).json()
    }

    /// Creates and publishes a story and answers its working view.
    pub fn publish(&self, person: &Person, story: &Value) -> Value {
        let slug = self.draft(person, story)["slug"].as_str().unwrap().to_owned();
        self.post(person, &format!("/v1/articles/{slug}/publish"), &json!({})).expect(200).json()
    }

    /// Bytes as they are, for what no well-behaved client sends; answers what came back until the server closed or fell silent.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 {
                break;
            }
            answer.extend_from_slice(&buffer[..count]);
            if answer.windows(4).any(|window| window == b"\r\n\r\n") {
                stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Newsroom {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server ends by itself; nobody waits for it.
            drop(stop.stop(false));
        }
    }
}

impl Database {
    /// An empty one, without tables.
    pub fn new() -> Self {
        match std::env::var("TEST_POSTGRES_URL") {
            Ok(server) => {
                let name = format!("test_{}", uuid::Uuid::new_v4().simple());
                execute(&mut open_postgres(&server).unwrap(), &format!("CREATE DATABASE {name}"));
                let (base, _) = server.rsplit_once('/').unwrap();
                Self::Postgres(format!("{base}/{name}"))
            }
            Err(_) => Self::Sqlite(tempfile::tempdir().unwrap()),
        }
    }

    pub fn conn(&self) -> Conn {
        match self {
            Self::Sqlite(folder) => open_sqlite(&folder.path().join("test.db")).unwrap(),
            Self::Postgres(url) => open_postgres(url).unwrap(),
        }
    }

    fn migrate(&self) {
        migrate(&mut self.conn()).unwrap();
    }

    fn shared(&self) -> Shared {
        match self {
            Self::Sqlite(folder) => Shared::sqlite(&folder.path().join("test.db")).unwrap(),
            Self::Postgres(url) => Shared::postgres(url, 4).unwrap(),
        }
    }
}

/// Runs SQL past the server.
pub fn execute(conn: &mut Conn, sql: &str) {
    use diesel::connection::SimpleConnection;
    conn.batch_execute(sql).unwrap();
}

impl Answer {
    /// Insists on a status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// A header's value; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// The problem's code.
    #[track_caller]
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        self.json()["code"].as_str().unwrap().to_owned()
    }

    /// The places of the problem's breaches, in order.
    pub fn places(&self) -> Vec<String> {
        let json = self.json();
        let place = |error: &Value| ["pointer", "parameter", "header"].iter().find_map(|kind| error[*kind].as_str().map(str::to_owned));
        json["errors"].as_array().map(|errors| errors.iter().filter_map(place).collect()).unwrap_or_default()
    }

    /// The items of a list.
    #[track_caller]
    pub fn items(&self) -> Vec<Value> {
        self.json()["items"].as_array().cloned().unwrap_or_else(|| panic!("no list: {}", self.text()))
    }
}

/// The seed story as an editor sends it: its sections as Markdown, its byline and tags by slug.
pub fn seed_story() -> Value {
    let text = include_str!("../fixtures/seed-article.txt");
    let lines: Vec<&str> = text.lines().collect();
    let (dateline, lead) = lines[1].split_once(" – ").unwrap();
    let headings =
        ["Key Discussions on Crime and Migration", "New Initiatives in Combating Transnational Threats", "Broader Regional Context"];
    let paragraphs = lines[2..lines.len()].iter().take_while(|line| !line.is_empty());
    let body: Vec<String> =
        paragraphs.map(|line| if headings.contains(line) { format!("## {line}") } else { (*line).to_owned() }).collect();
    json!({
        "title": lines[0],
        "dateline": { "text": dateline, "city": "Guatemala City", "country": "Guatemala", "country_code": "GT" },
        "lead": lead,
        "body": body.join("\n\n"),
        "language": "en",
        "authors": ["marcus"],
        "tags": ["migration", "drug-trafficking"],
    })
}

/// The author of the seed story, as an editor sends it.
pub fn seed_author() -> Value {
    let text = include_str!("../fixtures/seed-article.txt");
    let mut last = text.lines().rev();
    let bio = last.next().unwrap().strip_prefix("Bio: ").unwrap();
    json!({ "name": "Marcus", "beat": last.next().unwrap(), "bio": bio })
}

//! A newsroom of any size: stories of 3 KB with skewed authors and tags, written as the server itself would write them.

use crate::load::{Case, fetch, free_port, wait_for};
use crate::multiply::multiply;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use copydesk::domain::article::{Content, State, Transition, step};
use copydesk::domain::audit::Occasion;
use copydesk::domain::author::Profile;
use copydesk::domain::id;
use copydesk::domain::tag::Visibility;
use copydesk::domain::text::LanguageTag;
use copydesk::domain::time::Moment;
use copydesk::render;
use copydesk::store::articles::{self, Draft, Stamp};
use copydesk::store::authors::{self, AuthorDraft};
use copydesk::store::manuscript::Manuscript;
use copydesk::store::slugs::Wish;
use copydesk::store::tags::{self, TagDraft};
use copydesk::store::{Error, Shared, migrate, open_sqlite};
use diesel::Connection as _;
use diesel::sqlite::SqliteConnection;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const AUTHORS: usize = 200;
const TAGS: usize = 100;
const VOCABULARY: usize = 20_000;
/// How many of the tags, and of the authors, are common: each has some percent of all stories.
const COMMON_TAGS: usize = 10;
/// From here on tags are rare: each has some thousandths of all stories.
const RARE_TAGS: usize = 80;
/// Stories a transaction.
const TOGETHER: usize = 500;
/// How many stories the server writes; larger corpora are whole multiples of it, see `multiply.rs`.
pub const WRITTEN: usize = 100_000;
/// 2025-01-01T00:00:00Z.
const START: i64 = 1_735_689_600_000;

/// A corpus on disk and two servers on it, one of which keeps no answers. Dropped in this order: servers first.
pub struct Corpus {
    pub server: Server,
    pub forgetful: Server,
    size: usize,
    folder: Folder,
}

/// Where a corpus is: gone with it, unless somebody named a place to keep it in.
struct Folder {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn of(size: usize, kept: Option<&Path>) -> Self {
        match kept {
            Some(kept) => {
                let path = kept.join(size.to_string());
                std::fs::create_dir_all(&path).expect("the folder to keep the corpus in");
                Self { path, _temporary: None }
            }
            None => {
                let temporary = tempfile::tempdir().expect("a temporary folder");
                Self { path: temporary.path().to_owned(), _temporary: Some(temporary) }
            }
        }
    }
}

/// A running release binary.
pub struct Server {
    child: Child,
    pub port: u16,
}

/// A reproducible sequence of numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap_or(0)
    }

    /// Small numbers far more often than large ones.
    fn skewed(&mut self, sides: usize) -> usize {
        let one = self.roll(sides);
        self.roll(one + 1)
    }

    /// A rank below `ranks`, each as often as Zipf's law has it.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ranks are small and positive"
    )]
    fn zipf(&mut self, ranks: usize) -> usize {
        let share = self.roll(1 << 24) as f64 / f64::from(1 << 24);
        ((ranks as f64).powf(share) as usize - 1).min(ranks - 1)
    }
}

impl Corpus {
    /// Writes the corpus, unless it is there already in the folder to keep it in.
    pub fn build(size: usize, kept: Option<&Path>) -> Self {
        let folder = Folder::of(size, kept);
        let [path, filled, whole] = ["copydesk.db", "filled", "whole"].map(|name| folder.path.join(name));
        if !whole.exists() {
            let started = std::time::Instant::now();
            let (written, times) = if size > WRITTEN { (WRITTEN, size / WRITTEN) } else { (size, 1) };
            if !filled.exists() {
                drop(std::fs::remove_file(&path));
                migrate(&mut open_sqlite(&path).expect("a database")).expect("the schema");
                let shared = Shared::sqlite(&path).expect("a database");
                actix_web::rt::System::new().block_on(async { fill(&shared, written).await.expect("the corpus") });
                // The log goes with the last connection.
                drop(shared);
                std::fs::write(&filled, b"").expect("a note that all is there to be copied");
            }
            if times > 1 {
                drop(std::fs::remove_file(&filled));
                let mut conn = SqliteConnection::establish(path.to_str().expect("a plain path")).expect("the database");
                multiply(&mut conn, written, times).expect("the copies");
            }
            eprintln!("{size} stories written in {:.0} s", started.elapsed().as_secs_f64());
            std::fs::write(whole, b"").expect("a note that the corpus is whole");
        }
        let (server, forgetful) = (Server::start(&folder.path, 64 << 20), Server::start(&folder.path, 0));
        Self { server, forgetful, size, folder }
    }

    /// Where the database and the secret are.
    pub fn folder(&self) -> &Path {
        &self.folder.path
    }

    /// Some stories, at random, the same each time.
    pub fn stories(&self) -> Vec<String> {
        let mut dice = Dice(11);
        (0..2000).map(|_| format!("/v1/articles/story-{}", dice.roll(self.size))).collect()
    }

    /// The server that a case asks.
    pub fn server(&self, case: &Case) -> &Server {
        if case.is_cold { &self.forgetful } else { &self.server }
    }

    /// What is asked. Cold cases ask a server that keeps no answers, for other addresses in turn.
    pub fn cases(&self) -> Vec<Case> {
        let mut dice = Dice(7);
        let size = self.size;
        let hot = |name, path: &str, headers| Case { name, paths: vec![path.to_owned()], headers, is_cold: false };
        let mut cold = |name, path: &dyn Fn(&mut Dice) -> String| {
            let paths = (0..2000).map(|_| path(&mut dice)).collect();
            Case { name, paths, headers: Vec::new(), is_cold: true }
        };
        let story = |n: usize| format!("/v1/articles/story-{n}");
        // In the upper two thirds, so that a common tag has a full page of twenty below it in a small corpus, too.
        let before = |dice: &mut Dice| {
            let n = size / 3 + dice.roll(size - size / 3);
            format!("published_before={}", Moment::from_milliseconds(START + minutes(n)))
        };
        let middle = story(size / 2);
        let seen = fetch(self.server.port, &middle, &[]);
        let tag = seen.headers.iter().find(|(name, _)| name == "etag").map(|(_, tag)| tag.clone()).unwrap_or_default();
        let deep = Case { name: "cold page 40 000", paths: self.deep(), headers: Vec::new(), is_cold: true };
        vec![
            hot("hot story", &middle, Vec::new()),
            hot("hot story, gzip", &middle, vec![("accept-encoding", "gzip".into())]),
            hot("not modified", &middle, vec![("if-none-match", tag)]),
            hot("hot list", "/v1/articles", Vec::new()),
            cold("cold story", &|dice| story(dice.roll(size))),
            cold("cold first page", &|_| "/v1/articles".into()),
            cold("cold list, any depth", &|dice| format!("/v1/articles?{}", before(dice))),
            deep,
            cold("by a common tag", &|dice| format!("/v1/articles?tag=tag-{}", dice.roll(COMMON_TAGS))),
            cold("by a common tag, any depth", &|dice| format!("/v1/articles?tag=tag-0&{}", before(dice))),
            cold("by a rare tag", &|dice| format!("/v1/articles?tag=tag-{}", RARE_TAGS + dice.roll(COMMON_TAGS))),
            cold("by tag and author", &|dice| {
                format!("/v1/articles?tag=tag-{}&author=author-{}", dice.roll(COMMON_TAGS), dice.roll(COMMON_TAGS))
            }),
            cold("adjacent", &|dice| format!("{}/adjacent", story(dice.roll(size)))),
            cold("related", &|dice| format!("{}/related", story(dice.roll(size)))),
        ]
    }
}

impl Corpus {
    /// Pages as deep as the corpus goes, 40 000 at most, by the cursors that the server gives.
    fn deep(&self) -> Vec<String> {
        let below = self.size.saturating_sub(40_000 * 20).max(40);
        let page = |n: usize| {
            let bound = Moment::from_milliseconds(START + minutes(n));
            let first = fetch(self.server.port, &format!("/v1/articles?limit=1&published_after={}&sort=published_at", bound), &[]);
            let first: serde_json::Value = serde_json::from_slice(&first.body).expect("JSON");
            let id = first["items"][0]["id"].as_str().expect("a story");
            // The first page's own cursor, moved down: what following `next_cursor` for 40 000 pages would give.
            let top = fetch(self.server.port, "/v1/articles", &[]);
            let top: serde_json::Value = serde_json::from_slice(&top.body).expect("JSON");
            let cursor = URL_SAFE_NO_PAD.decode(top["page"]["next_cursor"].as_str().expect("a cursor")).expect("base64");
            let mut cursor: serde_json::Value = serde_json::from_slice(&cursor).expect("JSON");
            cursor["key"] = (START + minutes(n + 1)).into();
            cursor["id"] = id.into();
            format!("/v1/articles?cursor={}", URL_SAFE_NO_PAD.encode(cursor.to_string()))
        };
        (below - 40..below).map(page).collect()
    }
}

impl Server {
    fn start(folder: &std::path::Path, cache_bytes: u64) -> Self {
        let port = free_port();
        let mut command = Command::new("taskset");
        command.args(["-c", "0", env!("CARGO_BIN_EXE_copydesk")]);
        command.env("COPYDESK_LISTEN", format!("127.0.0.1:{port}")).env("COPYDESK_WORKERS", "1").env("COPYDESK_DATA_DIR", folder);
        command.env("COPYDESK_CACHE_BYTES", cache_bytes.to_string());
        let log = std::fs::File::create(folder.join(format!("log-{port}"))).expect("a log");
        let child = command.current_dir(folder).stdout(Stdio::null()).stderr(log).spawn().expect("the server");
        wait_for(port);
        Self { child, port }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Megabytes of resident memory.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn occasion() -> Occasion {
    Occasion::of_system("bench", Moment::from_milliseconds(START))
}

fn minutes(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(0) * 60_000
}

async fn fill(shared: &Shared, size: usize) -> Result<(), Error> {
    let store = shared.store();
    let (author_ids, tag_ids) = store.write(occasion(), people).await?;
    let mut dice = Dice(42);
    let mut written = 0;
    while written < size {
        let until = (written + TOGETHER).min(size);
        let stories: Vec<(usize, Draft)> = (written..until).map(|n| (n, draft(n, &mut dice, &author_ids, &tag_ids))).collect();
        store
            .write(occasion(), move |write| -> Result<(), Error> {
                for (n, draft) in stories {
                    let now = Moment::from_milliseconds(START + minutes(n));
                    let (id, stamp) = (id::new(now), Stamp::new("bench", now));
                    let copy = articles::insert(write, &id, draft, &stamp)?;
                    let live = step(State::NEW, Transition::Publish, now).map_err(|_| Error::Damaged("a draft".into()))?;
                    copydesk::http::publish(write, &copy, live, &stamp)?;
                }
                Ok(())
            })
            .await?;
        written = until;
    }
    Ok(())
}

fn people(write: &mut copydesk::store::Write<'_>) -> Result<(Vec<String>, Vec<String>), Error> {
    let now = Moment::from_milliseconds(START);
    let stamp = Stamp::new("bench", now);
    let (mut author_ids, mut tag_ids) = (Vec::new(), Vec::new());
    for n in 0..AUTHORS {
        let id = id::new(now);
        let profile =
            Profile { beat: Some("Covers the region".into()), bio: Some(sentence(&mut Dice(n as u64 + 1), 40)), ..Profile::default() };
        let draft = AuthorDraft {
            slug: Wish::Chosen(format!("author-{n}")),
            name: format!("Author {n}"),
            profile,
            bio_html: "<p>A bio.</p>".into(),
            email: None,
            user_id: None,
        };
        authors::insert(write, &id, draft, &stamp)?;
        author_ids.push(id);
    }
    for n in 0..TAGS {
        let id = id::new(now);
        let draft = TagDraft {
            slug: Wish::Chosen(format!("tag-{n}")),
            name: format!("Tag {n}"),
            description: None,
            parent_id: None,
            visibility: Visibility::Public,
        };
        tags::insert(write, &id, draft, &stamp)?;
        tag_ids.push(id);
    }
    Ok((author_ids, tag_ids))
}

fn draft(n: usize, dice: &mut Dice, author_ids: &[String], tag_ids: &[String]) -> Draft {
    let body: Vec<String> = (0..3).map(|part| format!("## Part {part}\n\n{}\n\n{}", sentence(dice, 70), sentence(dice, 70))).collect();
    let body = body.join("\n\n");
    let rendered = render::markdown(&body).expect("plain Markdown");
    let mut some = |ids: &[String], most: usize| {
        let mut picked: Vec<String> = (0..=dice.roll(most)).map(|_| ids[dice.skewed(ids.len())].clone()).collect();
        picked.sort();
        picked.dedup();
        picked
    };
    let (author_ids, tag_ids) = (some(author_ids, 2), some(tag_ids, 4));
    let content = Content {
        title: format!("Story {n} of the day"),
        subtitle: None,
        dateline: None,
        lead: Some(sentence(dice, 30)),
        body,
        image: None,
        language: LanguageTag(if n.is_multiple_of(4) { "es" } else { "en" }.into()),
        canonical_url: None,
        seo: None,
        custom: serde_json::Map::new(),
    };
    let manuscript = Manuscript::of(content, rendered.word_count.into(), rendered.reading_minutes.into()).expect("a manuscript");
    Draft { slug: Wish::Chosen(format!("story-{n}")), manuscript, author_ids, tag_ids }
}

/// Words as often as a language has them (Zipf): the commonest are real, the rest are made of syllables.
fn sentence(dice: &mut Dice, words: usize) -> String {
    let text: Vec<String> = (0..words).map(|_| word(dice.zipf(VOCABULARY))).collect();
    format!("{}.", text.join(" "))
}

/// The word of that rank.
fn word(rank: usize) -> String {
    const COMMON: [&str; 24] = [
        "the",
        "of",
        "and",
        "to",
        "in",
        "a",
        "said",
        "that",
        "for",
        "on",
        "minister",
        "was",
        "with",
        "police",
        "talks",
        "by",
        "migration",
        "trade",
        "from",
        "capital",
        "border",
        "witnesses",
        "Friday",
        "while",
    ];
    const SYLLABLES: [&str; 28] = [
        "ba", "co", "da", "fe", "ga", "hi", "jo", "ka", "lu", "ma", "ni", "po", "qui", "ra", "se", "ta", "u", "vo", "wa", "xi", "ya", "zo",
        "bri", "cla", "dre", "flo", "gra", "sto",
    ];
    if let Some(common) = COMMON.get(rank) {
        return (*common).to_owned();
    }
    let (mut rest, mut word) = (rank, String::new());
    while rest > 0 {
        word.push_str(SYLLABLES[rest % SYLLABLES.len()]);
        rest /= SYLLABLES.len();
    }
    word.push('n');
    word
}

//! The second factor: set up by a code, wanted at every sign-in, replaced by recovery codes, and wanted of whole roles.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::auth::totp::TotpSecret;
use copydesk::domain::user::Role;
use diesel::RunQueryDsl as _;
use serde_json::{Value, json};

const PASSWORD: &str = "a long enough phrase";
const STEP: i64 = 30_000;

/// Somebody's authenticator app.
pub struct App {
    pub secret: TotpSecret,
    pub recovery_codes: Vec<String>,
}

impl App {
    fn code(&self, newsroom: &Newsroom) -> String {
        self.secret.code(newsroom.now().milliseconds()).unwrap()
    }
}

fn send(newsroom: &Newsroom, path: &str, body: &Value) -> Answer {
    newsroom.send("POST", path, None, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
}

fn sign_in(newsroom: &Newsroom, person: &Person, code: Option<&str>) -> Answer {
    let mut body = json!({ "email": person.email, "password": PASSWORD });
    if let Some(code) = code {
        body["code"] = code.into();
    }
    send(newsroom, "/v1/auth/login", &body)
}

fn with_token(person: &Person, answer: Answer) -> Person {
    let token = answer.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    Person { token, ..person.clone() }
}

/// The app's secret, read from base32 as an app does.
pub fn secret_of(shown: &Value) -> TotpSecret {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for c in shown["secret"].as_str().unwrap().bytes() {
        bits = bits << 5 | u32::try_from(alphabet.iter().position(|known| *known == c).unwrap()).unwrap();
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).unwrap());
        }
    }
    TotpSecret::from_bytes(&bytes).unwrap()
}

fn set_up(newsroom: &Newsroom, person: &Person) -> App {
    let app = set_up_with(newsroom, person, PASSWORD);
    newsroom.pass(STEP);
    app
}

/// Sets a second factor up; its code of now is used.
pub fn set_up_with(newsroom: &Newsroom, person: &Person, password: &str) -> App {
    let shown = newsroom.post(person, "/v1/auth/totp", &json!({ "current_password": password })).expect(200).json();
    let secret = secret_of(&shown);
    let code = secret.code(newsroom.now().milliseconds()).unwrap();
    let codes = newsroom.post(person, "/v1/auth/totp/confirm", &json!({ "code": code })).expect(200).json()["recovery_codes"].clone();
    let recovery_codes = codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    App { secret, recovery_codes }
}

fn newsroom_with(role: Role) -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let person = newsroom.person_with(role, Some(PASSWORD));
    (newsroom, person)
}

#[test]
fn who_has_set_up_a_second_factor_signs_in_with_password_and_code() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    assert_eq!(newsroom.get_as(&editor, "/v1/auth/me").expect(200).json()["second_factor"], false);
    let app = set_up(&newsroom, &editor);
    assert_eq!(newsroom.get_as(&editor, "/v1/auth/me").expect(200).json()["second_factor"], true);
    let missing = sign_in(&newsroom, &editor, None).expect(401);
    assert_eq!((missing.code(), missing.header("www-authenticate")), ("second_factor_required".into(), "Bearer"));
    assert_eq!(sign_in(&newsroom, &editor, Some("000000")).expect(401).code(), "invalid_code");
    let here = with_token(&editor, sign_in(&newsroom, &editor, Some(&app.code(&newsroom))));
    newsroom.get_as(&here, "/v1/articles?view=working").expect(200);
    // Who does not know the password learns nothing of the second factor.
    let guess = json!({ "email": editor.email, "password": "a wrong enough phrase", "code": app.code(&newsroom) });
    assert_eq!(send(&newsroom, "/v1/auth/login", &guess).expect(401).code(), "invalid_credentials");
}

#[test]
fn a_code_counts_once_even_for_many_at_once() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let app = set_up(&newsroom, &editor);
    let code = app.code(&newsroom);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4).map(|_| scope.spawn(|| sign_in(&newsroom, &editor, Some(&code)).status)).collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    newsroom.pass(STEP);
    assert_eq!(sign_in(&newsroom, &editor, Some(&code)).expect(401).code(), "invalid_code");
    sign_in(&newsroom, &editor, Some(&app.code(&newsroom))).expect(200);
}

#[test]
fn a_recovery_code_gets_somebody_in_once() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let app = set_up(&newsroom, &editor);
    assert_eq!(app.recovery_codes.len(), 10);
    let code = app.recovery_codes[0].to_uppercase().replace('-', " ");
    sign_in(&newsroom, &editor, Some(&code)).expect(200);
    assert_eq!(sign_in(&newsroom, &editor, Some(&code)).expect(401).code(), "invalid_code");
    let other = newsroom.person_with(Role::Editor, Some(PASSWORD));
    set_up(&newsroom, &other);
    sign_in(&newsroom, &other, Some(&app.recovery_codes[1])).expect(401);
    sign_in(&newsroom, &editor, Some(&app.recovery_codes[1])).expect(200);
}

#[test]
fn c20_codes_are_not_guessed_from_many_addresses_either() {
    let newsroom = Newsroom::open_with(|settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let editor = newsroom.person_with(Role::Editor, Some(PASSWORD));
    let app = set_up(&newsroom, &editor);
    let from = |n: usize, code: &str| {
        let (address, body) = (format!("203.0.113.{n}"), json!({ "email": editor.email, "password": PASSWORD, "code": code }));
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address.as_str())];
        newsroom.send("POST", "/v1/auth/login", None, &headers, Some(body.to_string().as_bytes()))
    };
    for n in 0..10 {
        assert_eq!(from(n, "000000").expect(401).code(), "invalid_code");
    }
    let wait = from(11, &app.code(&newsroom)).expect(429);
    assert_eq!((wait.code(), wait.header("retry-after")), ("too_many_attempts".into(), "900"));
    newsroom.pass(15 * 60_000);
    from(12, &app.code(&newsroom)).expect(200);
}

#[test]
fn a_wrong_code_counts_like_a_wrong_password_and_a_right_password_forgives_none() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let app = set_up(&newsroom, &editor);
    let wrong = json!({ "email": editor.email, "password": "a wrong enough phrase" });
    for _ in 0..5 {
        send(&newsroom, "/v1/auth/login", &wrong).expect(401);
        sign_in(&newsroom, &editor, None).expect(401);
    }
    for _ in 0..5 {
        sign_in(&newsroom, &editor, Some("000000")).expect(401);
    }
    sign_in(&newsroom, &editor, Some(&app.code(&newsroom))).expect(429);
    newsroom.pass(60_000);
    sign_in(&newsroom, &editor, Some(&app.code(&newsroom))).expect(200);
}

#[test]
fn setting_up_wants_the_password_and_a_code_and_ends_other_sessions() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let [here, there] = [(); 2].map(|()| with_token(&editor, sign_in(&newsroom, &editor, None)));
    let begin = |password: &str| newsroom.post(&here, "/v1/auth/totp", &json!({ "current_password": password }));
    assert_eq!(begin("a wrong enough phrase").expect(422).places(), ["/current_password"]);
    let confirm = |code: &str| newsroom.post(&here, "/v1/auth/totp/confirm", &json!({ "code": code }));
    assert_eq!(confirm("123456").expect(422).places(), ["/code"]);
    let first = secret_of(&begin(PASSWORD).expect(200).json());
    let second = begin(PASSWORD).expect(200).json();
    let now = newsroom.now().milliseconds();
    assert!(second["address"].as_str().unwrap().starts_with("otpauth://totp/Copydesk%20api.news.example:editor-"), "{second}");
    confirm(&first.code(now).unwrap()).expect(422);
    sign_in(&newsroom, &editor, None).expect(200);
    confirm(&secret_of(&second).code(now).unwrap()).expect(200);
    assert_eq!(confirm(&secret_of(&second).code(now).unwrap()).expect(409).code(), "second_factor_exists");
    assert_eq!(begin(PASSWORD).expect(409).code(), "second_factor_exists");
    assert_eq!((newsroom.get_as(&here, "/v1/auth/me").status, newsroom.get_as(&there, "/v1/auth/me").status), (200, 401));
}

#[test]
fn it_is_taken_away_by_a_code_or_by_an_administrator() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let admin = newsroom.person(Role::Admin);
    let app = set_up(&newsroom, &editor);
    let disable = |code: &str| newsroom.post(&editor, "/v1/auth/totp/disable", &json!({ "code": code }));
    assert_eq!(disable("000000").expect(422).places(), ["/code"]);
    disable(&app.recovery_codes[3]).expect(204);
    disable("000000").expect(404);
    sign_in(&newsroom, &editor, None).expect(200);
    let app = set_up(&newsroom, &editor);
    let here = with_token(&editor, sign_in(&newsroom, &editor, Some(&app.code(&newsroom))));
    let path = format!("/v1/users/{}/totp", editor.id);
    newsroom.delete(&here, &path).expect(403);
    newsroom.delete(&admin, &path).expect(204);
    newsroom.delete(&admin, &path).expect(404);
    newsroom.get_as(&here, "/v1/auth/me").expect(401);
    sign_in(&newsroom, &editor, None).expect(200);
}

#[test]
fn who_is_to_have_one_and_has_none_can_set_one_up_and_nothing_else() {
    let newsroom = Newsroom::open_with(|settings| settings.second_factor = vec![Role::Editor, Role::Admin]);
    let editor = newsroom.person_with(Role::Editor, Some(PASSWORD));
    let author = newsroom.person_with(Role::Author, Some(PASSWORD));
    let here = with_token(&editor, sign_in(&newsroom, &editor, None));
    for (verb, path) in [("GET", "/v1/articles?view=working"), ("GET", "/v1/articles"), ("POST", "/v1/tags"), ("GET", "/v1/schedule")] {
        let refusal = newsroom.send(verb, path, Some(&here), &[], None).expect(403);
        assert_eq!(refusal.code(), "second_factor_not_set_up", "{verb} {path}");
    }
    assert_eq!(newsroom.get_as(&here, "/v1/auth/me").expect(200).json()["second_factor"], false);
    newsroom.draft(&with_token(&author, sign_in(&newsroom, &author, None)), &json!({ "title": "Free" }));
    let app = set_up(&newsroom, &here);
    newsroom.draft(&here, &json!({ "title": "Story" }));
    // Raised to a role that wants one, too.
    let admin = newsroom.person_with(Role::Admin, Some(PASSWORD));
    let boss = with_token(&admin, sign_in(&newsroom, &admin, None));
    set_up(&newsroom, &boss);
    newsroom.patch(&boss, &format!("/v1/users/{}", author.id), "*", &json!({ "role": "editor" })).expect(200);
    newsroom.get_as(&with_token(&author, sign_in(&newsroom, &author, None)), "/v1/articles").expect(403);
    sign_in(&newsroom, &editor, Some(&app.code(&newsroom))).expect(200);
}

#[test]
fn a_reset_of_the_password_does_not_get_around_it() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let admin = newsroom.person(Role::Admin);
    let app = set_up(&newsroom, &editor);
    let link = newsroom.post(&admin, &format!("/v1/users/{}/password-reset", editor.id), &json!({})).expect(201).json();
    let accept = |code: Option<String>| {
        let mut body = json!({ "token": link["token"], "password": "another long enough phrase" });
        if let Some(code) = code {
            body["code"] = code.into();
        }
        send(&newsroom, "/v1/auth/accept", &body)
    };
    assert_eq!(accept(None).expect(401).code(), "second_factor_required");
    assert_eq!(accept(Some("000000".into())).expect(401).code(), "invalid_code");
    sign_in(&newsroom, &editor, Some(&app.code(&newsroom))).expect(200);
    newsroom.pass(STEP);
    accept(Some(app.code(&newsroom))).expect(200);
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

#[test]
fn c31_who_has_the_database_alone_makes_no_code() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let app = set_up(&newsroom, &editor);
    let column = if newsroom.database_url().starts_with("postgres") { "encode(sealed, 'hex')" } else { "lower(hex(sealed))" };
    let rows: Vec<Row> =
        diesel::sql_query(format!("SELECT {column} AS line FROM second_factors UNION ALL SELECT hash FROM recovery_codes"))
            .load(&mut newsroom.conn())
            .unwrap();
    assert_eq!(rows.len(), 11);
    let hexadecimal: String = app.secret.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    for row in rows {
        assert!(!row.line.contains(&hexadecimal));
        assert!(app.recovery_codes.iter().all(|code| !row.line.contains(&code[..4]) || row.line.len() == 64));
    }
    // With another secret of the server only recovery codes are good.
    let node = newsroom.node_with_secret("Zk7Qm2Xv9Lw4ZtRyY8uNf5HsJm3PcB6dGa1Ee0oIxWiVyTzM");
    sign_in(&node, &editor, Some(&app.code(&newsroom))).expect(401);
    sign_in(&node, &editor, Some(&app.recovery_codes[0])).expect(200);
}

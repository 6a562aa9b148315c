//! Invitations and password resets: one-time links, shown once, good once, by mail where there is a mail server.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use copydesk::mail::Mailer;
use diesel::RunQueryDsl as _;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PASSWORD: &str = "a long enough phrase";
const HOUR: i64 = 3600 * 1000;

fn newsroom() -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let admin = newsroom.person_with(Role::Admin, Some(PASSWORD));
    (newsroom, admin)
}

fn invite(newsroom: &Newsroom, admin: &Person, email: &str) -> Value {
    newsroom.post(admin, "/v1/invitations", &json!({ "email": email, "name": "Eva", "role": "author" })).expect(201).json()
}

fn send(newsroom: &Newsroom, path: &str, body: &Value) -> Answer {
    newsroom.send("POST", path, None, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
}

fn accept(newsroom: &Newsroom, link: &Value, password: &str) -> Answer {
    send(newsroom, "/v1/auth/accept", &json!({ "token": link["token"], "password": password }))
}

fn sign_in(newsroom: &Newsroom, email: &str, password: &str) -> u16 {
    send(newsroom, "/v1/auth/login", &json!({ "email": email, "password": password })).status
}

fn with_token(answer: Answer) -> Person {
    let token = answer.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    Person { id: String::new(), email: String::new(), token }
}

fn again(newsroom: &Newsroom, person: &Person) -> Person {
    Person { token: newsroom.token(&person.id, 1), ..person.clone() }
}

#[test]
fn who_is_invited_chooses_a_password_by_a_link_that_is_good_once() {
    let (newsroom, admin) = newsroom();
    let link = invite(&newsroom, &admin, "Eva@Example.com");
    assert_eq!(
        (&link["email"], &link["role"], &link["purpose"], &link["mail"]),
        (&json!("eva@example.com"), &json!("author"), &json!("invitation"), &json!("off"))
    );
    assert_eq!((&link["link"], &link["expires_at"]), (&json!(null), &json!("2025-06-30T14:30:00.000Z")));
    assert_eq!(sign_in(&newsroom, "eva@example.com", PASSWORD), 401);
    assert_eq!(accept(&newsroom, &link, "short").expect(422).places(), ["/password"]);
    let eva = with_token(accept(&newsroom, &link, PASSWORD));
    let me = newsroom.get_as(&eva, "/v1/auth/me").expect(200).json();
    assert_eq!((&me["id"], &me["name"], &me["role"]), (&link["user_id"], &json!("Eva"), &json!("author")));
    assert_eq!(sign_in(&newsroom, "eva@example.com", PASSWORD), 200);
    let refusal = accept(&newsroom, &link, "another long enough phrase").expect(401);
    assert_eq!((refusal.code(), refusal.header("www-authenticate").is_empty()), ("invalid_token".into(), false));
    assert_eq!(newsroom.get_as(&admin, "/v1/invitations?count=true").expect(200).json()["page"]["total"], 0);
    newsroom.get_as(&admin, &format!("/v1/invitations/{}", link["id"].as_str().unwrap())).expect(404);
}

#[test]
fn of_many_who_bring_a_link_at_once_one_gets_in() {
    let (newsroom, admin) = newsroom();
    let link = invite(&newsroom, &admin, "eva@example.com");
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..6)
            .map(|n| {
                scope.spawn({
                    let (newsroom, link) = (&newsroom, &link);
                    move || accept(newsroom, link, &format!("{PASSWORD} {n}")).status
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401, 401, 401]);
}

#[test]
fn a_link_is_over_after_its_time_and_one_of_a_disabled_account_at_once() {
    let (newsroom, admin) = newsroom();
    let [late, disabled] = ["late@example.com", "disabled@example.com"].map(|email| invite(&newsroom, &admin, email));
    newsroom.patch(&admin, &format!("/v1/users/{}", disabled["user_id"].as_str().unwrap()), "*", &json!({ "disabled": true })).expect(200);
    accept(&newsroom, &disabled, PASSWORD).expect(401);
    newsroom.pass(72 * HOUR);
    accept(&newsroom, &late, PASSWORD).expect(401);
    let admin = again(&newsroom, &admin);
    let path = format!("/v1/users/{}/password-reset", late["user_id"].as_str().unwrap());
    let anew = newsroom.post(&admin, &path, &json!({})).expect(201).json();
    assert_eq!(anew["purpose"], "invitation");
    accept(&newsroom, &anew, PASSWORD).expect(200);
}

#[test]
fn a_password_is_reset_by_a_link_and_the_old_one_is_good_until_then() {
    let (newsroom, admin) = newsroom();
    let user = newsroom.person_with(Role::Editor, Some(PASSWORD));
    let here = with_token(send(&newsroom, "/v1/auth/login", &json!({ "email": user.email, "password": PASSWORD })));
    let reset = || newsroom.post(&admin, &format!("/v1/users/{}/password-reset", user.id), &json!({})).expect(201).json();
    let (first, second) = (reset(), reset());
    assert_eq!((&second["purpose"], &second["expires_at"]), (&json!("password_reset"), &json!("2025-06-28T14:30:00.000Z")));
    accept(&newsroom, &first, "another long enough phrase").expect(401);
    assert_eq!((sign_in(&newsroom, &user.email, PASSWORD), newsroom.get_as(&here, "/v1/auth/me").status), (200, 200));
    let new = with_token(accept(&newsroom, &second, "another long enough phrase"));
    assert_eq!((newsroom.get_as(&here, "/v1/auth/me").status, newsroom.get_as(&new, "/v1/auth/me").status), (401, 200));
    assert_eq!((sign_in(&newsroom, &user.email, PASSWORD), sign_in(&newsroom, &user.email, "another long enough phrase")), (401, 200));
    // A password that is set otherwise ends the link, too.
    let third = reset();
    newsroom.patch(&admin, &format!("/v1/users/{}", user.id), "*", &json!({ "password": "a third long phrase" })).expect(200);
    accept(&newsroom, &third, PASSWORD).expect(401);
}

#[test]
fn a_link_is_revoked_and_with_an_invitation_the_account_that_was_made_for_it() {
    let (newsroom, admin) = newsroom();
    let link = invite(&newsroom, &admin, "eva@example.com");
    newsroom.post(&admin, "/v1/invitations", &json!({ "email": "eva@example.com", "role": "editor" })).expect(409);
    let path = format!("/v1/invitations/{}", link["id"].as_str().unwrap());
    let shown = newsroom.get_as(&admin, &path).expect(200);
    assert_eq!((&shown.json()["email"], shown.json().get("token")), (&json!("eva@example.com"), None));
    newsroom.delete(&admin, &path).expect(204);
    newsroom.delete(&admin, &path).expect(404);
    accept(&newsroom, &link, PASSWORD).expect(401);
    newsroom.get_as(&admin, &format!("/v1/users/{}", link["user_id"].as_str().unwrap())).expect(404);
    let user = newsroom.person_with(Role::Editor, Some(PASSWORD));
    let reset = newsroom.post(&admin, &format!("/v1/users/{}/password-reset", user.id), &json!({})).expect(201);
    newsroom.delete(&admin, reset.header("location")).expect(204);
    assert_eq!(sign_in(&newsroom, &user.email, PASSWORD), 200);
}

#[test]
fn an_administrator_who_has_not_accepted_yet_does_not_count() {
    let (newsroom, admin) = newsroom();
    let link = newsroom.post(&admin, "/v1/invitations", &json!({ "email": "eva@example.com", "role": "admin" })).expect(201).json();
    let path = format!("/v1/users/{}", admin.id);
    assert_eq!(newsroom.patch(&admin, &path, "*", &json!({ "role": "editor" })).expect(409).code(), "last_admin");
    accept(&newsroom, &link, PASSWORD).expect(200);
    newsroom.patch(&admin, &path, "*", &json!({ "role": "editor" })).expect(200);
}

#[test]
fn a_link_leads_where_the_operator_says() {
    let newsroom = Newsroom::open_with(|settings| settings.invite_url = Some("https://desk.example/welcome#{token}".into()));
    let admin = newsroom.person(Role::Admin);
    let link = invite(&newsroom, &admin, "eva@example.com");
    assert_eq!(link["link"].as_str().unwrap(), format!("https://desk.example/welcome#{}", link["token"].as_str().unwrap()));
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

#[test]
fn c31_the_database_and_the_lists_hold_no_token_of_a_link() {
    let mail = MailServer::start();
    let newsroom = Newsroom::open_with(|settings| settings.mailer = Some(mail.mailer()));
    let admin = newsroom.person(Role::Admin);
    let link = invite(&newsroom, &admin, "eva@example.com");
    let token = link["token"].as_str().unwrap();
    assert!(!newsroom.get_as(&admin, "/v1/invitations").text().contains(token));
    let columns = if newsroom.database_url().starts_with("postgres") {
        "encode(coalesce(sealed, ''::bytea), 'escape')"
    } else {
        "hex(coalesce(sealed, ''))"
    };
    let rows: Vec<Row> =
        diesel::sql_query(format!("SELECT id || hash || {columns} AS line FROM invitations")).load(&mut newsroom.conn()).unwrap();
    let hexadecimal: String = token.bytes().map(|byte| format!("{byte:02X}")).collect();
    assert!(rows.len() == 1 && !rows[0].line.contains(token) && !rows[0].line.contains(&hexadecimal), "{}", rows[0].line);
    assert!(!newsroom.get_as(&admin, "/v1/audit").text().contains(token));
}

#[test]
fn c27_a_token_or_password_of_another_type_is_refused() {
    let (newsroom, _) = newsroom();
    for bad in [json!({ "$gt": "" }), json!(["a"]), json!(true), json!(0), json!(null)] {
        send(&newsroom, "/v1/auth/accept", &json!({ "token": bad, "password": PASSWORD })).expect(422);
        send(&newsroom, "/v1/auth/accept", &json!({ "token": "cdi_x", "password": bad })).expect(422);
        if !bad.is_null() {
            send(&newsroom, "/v1/auth/accept", &json!({ "token": "cdi_x", "password": PASSWORD, "code": bad })).expect(422);
        }
    }
    send(&newsroom, "/v1/auth/accept", &json!({ "token": "cdi_x", "password": PASSWORD })).expect(401);
}

/// A mail server of a few lines: takes every mail, or refuses the first ones, and tells what it got.
struct MailServer {
    address: String,
    mails: Receiver<String>,
}

impl MailServer {
    fn start() -> Self {
        Self::refusing(0)
    }

    fn refusing(first: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, mails) = channel();
        std::thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let Ok(mail) = stream.map(|stream| talk(stream, n < first)) else { return };
                if sender.send(mail).is_err() {
                    return;
                }
            }
        });
        Self { address, mails }
    }

    fn mailer(&self) -> Mailer {
        Mailer::new(&format!("smtp://{}", self.address), "Desk <desk@example.com>").unwrap()
    }

    fn next(&self) -> String {
        self.mails.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

/// One conversation; answers all that the client said.
fn talk(mut stream: TcpStream, refuse: bool) -> String {
    let mut said = String::new();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    stream.write_all(b"220 test\r\n").unwrap();
    let mut in_data = false;
    while let Some(Ok(line)) = lines.next() {
        said.push_str(&line);
        said.push('\n');
        let answer = match line.split(' ').next().unwrap() {
            "." if in_data => {
                in_data = false;
                "250 taken\r\n"
            }
            _ if in_data => continue,
            "RCPT" if refuse => "450 busy, try later\r\n",
            "DATA" => {
                in_data = true;
                "354 go on\r\n"
            }
            "QUIT" => {
                let _gone = stream.write_all(b"221 bye\r\n");
                break;
            }
            _ => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).unwrap();
    }
    said
}

/// The text of a mail: its quoted-printable or base64 body, read.
fn text_of(mail: &str) -> String {
    let (head, body) = mail.split_once("\n\n").unwrap();
    assert!(!head.contains("base64"), "{head}");
    body.replace("=\n", "").replace("=3D", "=")
}

#[test]
fn b09_a_link_goes_out_by_mail_after_the_write_and_no_name_adds_a_header() {
    let server = MailServer::start();
    let newsroom = Newsroom::open_with(|settings| {
        settings.mailer = Some(server.mailer());
        settings.invite_url = Some("https://desk.example/welcome#{token}".into());
    });
    let admin = newsroom.person(Role::Admin);
    let name = "Eva\nBcc: thief@example.com\n{{7*7}} Müller";
    let link =
        newsroom.post(&admin, "/v1/invitations", &json!({ "email": "eva@example.com", "name": name, "role": "author" })).expect(201).json();
    assert_eq!(link["mail"], "waiting");
    let mail = server.next();
    assert!(mail.contains("MAIL FROM:<desk@example.com>") && mail.contains("RCPT TO:<eva@example.com>"), "{mail}");
    assert_eq!(mail.matches("RCPT").count(), 1);
    let (head, _) = mail.split_once("\n\n").unwrap();
    assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head}");
    assert!(text_of(&mail).contains(link["link"].as_str().unwrap()), "{mail}");
    let state = || newsroom.get_as(&admin, link_path(&link).as_str()).expect(200).json()["mail"].clone();
    wait_until(|| state() == "sent");
}

#[test]
fn a_mail_that_is_refused_waits_and_is_tried_again() {
    let server = MailServer::refusing(1);
    let newsroom = Newsroom::open_with(|settings| settings.mailer = Some(server.mailer()));
    let admin = newsroom.person(Role::Admin);
    let link = invite(&newsroom, &admin, "eva@example.com");
    assert!(!server.next().contains("DATA"));
    let state = || newsroom.get_as(&admin, &link_path(&link)).expect(200).json();
    wait_until(|| state()["mail_error"].is_string());
    assert_eq!(state()["mail"], "waiting");
    assert!(state()["mail_error"].as_str().unwrap().contains("busy"), "{}", state());
    newsroom.pass(30_000);
    let mail = server.next();
    assert!(text_of(&mail).contains(link["token"].as_str().unwrap()) && mail.contains("/v1/auth/accept"), "{mail}");
    wait_until(|| state()["mail"] == "sent");
    assert_eq!(state()["mail_error"], json!(null));
}

fn link_path(link: &Value) -> String {
    format!("/v1/invitations/{}", link["id"].as_str().unwrap())
}

/// Asks until it is so: what sends mails tells nobody when it is done.
fn wait_until(is_so: impl Fn() -> bool) {
    let asked = std::iter::repeat_with(is_so).take(20_000).any(|so| so);
    assert!(asked, "it never came to that");
}

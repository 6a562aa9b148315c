//! A small S3-compatible store for one test: it keeps what it is sent, and takes nothing whose signature it cannot make itself.

use copydesk::keep::bucket::Bucket;
use copydesk::keep::signature::Credentials;
use copydesk::outbound::Client;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub const ACCESS_KEY: &str = "AKIAEXAMPLE";
pub const SECRET_KEY: &str = "a/b+c=d e";

/// What it holds, by path, and the parts of uploads that are not complete, by path and number.
#[derive(Default)]
pub struct Shelf {
    pub objects: BTreeMap<String, Vec<u8>>,
    pub parts: BTreeMap<(String, u32), Vec<u8>>,
    /// How many requests are refused as from a store that is busy.
    pub busy: u32,
    /// Whether it forgets where its list was to go on.
    pub forgets: bool,
    pub asked: Vec<String>,
}

pub struct Store {
    pub endpoint: String,
    pub shelf: Arc<Mutex<Shelf>>,
}

impl Store {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shelf = Arc::<Mutex<Shelf>>::default();
        let shared = shelf.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shelf = shared.clone();
                std::thread::spawn(move || serve(stream, &shelf));
            }
        });
        Self { endpoint, shelf }
    }

    pub fn bucket(&self, secret_key: &str) -> Bucket {
        let credentials = Credentials { access_key: ACCESS_KEY.into(), secret_key: secret_key.into(), region: "eu-test-1".into() };
        Bucket { endpoint: self.endpoint.clone(), name: "news".into(), prefix: "desk/".into(), credentials, client: Client::new() }
    }

    pub fn names(&self) -> Vec<String> {
        self.shelf.lock().unwrap().objects.keys().cloned().collect()
    }
}

/// A request as it came.
struct Asked {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn serve(stream: TcpStream, shelf: &Mutex<Shelf>) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = next(&mut reader) {
        let (status, headers, body) = answer(&asked, &mut shelf.lock().unwrap());
        let length = if asked.method == "HEAD" { headers.clone() } else { format!("content-length: {}\r\n{headers}", body.len()) };
        let mut bytes = format!("HTTP/1.1 {status} X\r\n{length}\r\n").into_bytes();
        if asked.method != "HEAD" {
            bytes.extend(body);
        }
        if reader.get_mut().write_all(&bytes).is_err() {
            return;
        }
    }
}

fn next(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, path, query, headers, body })
}

/// The signature as the store makes it: from what it was asked, and a secret that it knows.
fn is_signed(asked: &Asked) -> bool {
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mac = |key: &[u8], text: &str| Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec();
    let header = |name: &str| asked.headers.get(name).map_or("", String::as_str);
    let sum = hexadecimal(&Sha256::digest(&asked.body));
    if header("x-amz-content-sha256") != sum {
        return false;
    }
    let (_, rest) = header("authorization").split_once(&format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/")).unwrap_or_default();
    let Some((scope, rest)) = rest.split_once(",SignedHeaders=") else { return false };
    let Some((names, signature)) = rest.split_once(",Signature=") else { return false };
    let mut query: Vec<&str> = asked.query.split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let lines: String = names.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let canonical = [&asked.method, &asked.path, &query.join("&"), &lines, names, &sum].join("\n");
    let day = &header("x-amz-date")[..8];
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", header("x-amz-date"), hexadecimal(&Sha256::digest(&canonical)));
    let key =
        ["eu-test-1", "s3", "aws4_request"].iter().fold(mac(format!("AWS4{SECRET_KEY}").as_bytes(), day), |key, word| mac(&key, word));
    scope == format!("{day}/eu-test-1/s3/aws4_request") && names.contains("host") && signature == hexadecimal(&mac(&key, &to_sign))
}

fn answer(asked: &Asked, shelf: &mut Shelf) -> (u16, String, Vec<u8>) {
    let refused = |status: u16, code: &str| {
        (status, String::new(), format!("<Error><Code>{code}</Code><Message>No &amp; no.</Message></Error>").into_bytes())
    };
    let plain = |body: String| (200, String::new(), body.into_bytes());
    shelf.asked.push(format!("{} {}", asked.method, asked.query.split('=').next().unwrap()));
    if !is_signed(asked) {
        return refused(403, "SignatureDoesNotMatch");
    }
    if shelf.busy > 0 {
        shelf.busy -= 1;
        return refused(503, "SlowDown");
    }
    let query: BTreeMap<&str, &str> = asked.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let number = query.get("partNumber").map(|number| number.parse().unwrap());
    match (asked.method.as_str(), number) {
        ("GET", _) if query.contains_key("list-type") => {
            // A page of two, so that whoever does not ask on misses the rest.
            let after = query.get("continuation-token").copied().unwrap_or_default().replace("%2F", "/");
            let after = if shelf.forgets { String::new() } else { after };
            let prefix = format!("/news/{}", query["prefix"].replace("%2F", "/"));
            let mut keys = shelf
                .objects
                .keys()
                .filter(|path| path.starts_with(&prefix))
                .map(|path| &path["/news/".len()..])
                .filter(|key| *key > after.as_str());
            let page: Vec<&str> = keys.by_ref().take(2).collect();
            let listed: String = page.iter().map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
            let more = keys.next().map_or_else(
                || "<IsTruncated>false</IsTruncated>".to_owned(),
                |_| format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{}</NextContinuationToken>", page[1]),
            );
            plain(format!("<ListBucketResult>{more}{listed}</ListBucketResult>"))
        }
        ("GET" | "HEAD", _) => match shelf.objects.get(&asked.path) {
            None => refused(404, "NoSuchKey"),
            Some(bytes) => match asked.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
                Some((from, to)) => (206, String::new(), bytes[from.parse().unwrap()..=to.parse::<usize>().unwrap()].to_vec()),
                None => (
                    200,
                    if asked.method == "HEAD" { format!("content-length: {}\r\n", bytes.len()) } else { String::new() },
                    bytes.clone(),
                ),
            },
        },
        ("PUT", Some(number)) => {
            shelf.parts.insert((asked.path.clone(), number), asked.body.clone());
            (200, format!("etag: \"part-{number}\"\r\n"), Vec::new())
        }
        ("PUT", None) => {
            shelf.objects.insert(asked.path.clone(), asked.body.clone());
            plain(String::new())
        }
        ("POST", _) if query.contains_key("uploads") => plain("<X><UploadId>up/1</UploadId></X>".to_owned()),
        ("POST", _) => {
            let list = String::from_utf8_lossy(&asked.body).into_owned();
            let parts = std::mem::take(&mut shelf.parts);
            let is_whole = parts.keys().all(|(path, number)| {
                *path == asked.path && list.contains(&format!("<PartNumber>{number}</PartNumber><ETag>\"part-{number}\"</ETag>"))
            });
            shelf.objects.insert(asked.path.clone(), parts.into_values().flatten().collect());
            plain(if is_whole { "<Done/>".to_owned() } else { "<Error><Code>InvalidPart</Code></Error>".to_owned() })
        }
        ("DELETE", _) => {
            shelf.objects.remove(&asked.path);
            (204, String::new(), Vec::new())
        }
        _ => refused(405, "MethodNotAllowed"),
    }
}

#[test]
fn a_long_file_goes_there_in_parts_and_comes_back_whole_through_a_busy_store() {
    let store = Store::open();
    let bucket = store.bucket(SECRET_KEY);
    let folder = tempfile::tempdir().unwrap();
    let (path, back) = (folder.path().join("long"), folder.path().join("back"));
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|at| (at / 7 % 251) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    store.shelf.lock().unwrap().busy = 2;
    bucket.put(&path, "long file").unwrap();
    assert_eq!(store.names(), ["/news/desk/long%20file"]);
    assert_eq!(store.shelf.lock().unwrap().asked.iter().filter(|asked| asked.starts_with("PUT")).count(), 3);
    let file = std::fs::File::create(&back).unwrap();
    bucket.fetch("long file", bytes.len() as u64, &file).unwrap();
    assert!(std::fs::read(&back).unwrap() == bytes);
    bucket.remove("long file").unwrap();
    assert_eq!(store.names(), Vec::<String>::new());
}

#[test]
fn all_names_are_listed_page_by_page_and_a_wrong_key_is_told_as_the_store_tells_it() {
    let store = Store::open();
    let bucket = store.bucket(SECRET_KEY);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "short").unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        bucket.put(&folder.path().join("x"), name).unwrap();
    }
    store.shelf.lock().unwrap().objects.insert("/news/desk/deeper/f".into(), Vec::new());
    assert_eq!(bucket.names().unwrap(), ["a", "b", "c", "d", "e"]);
    assert_eq!(bucket.read("c").unwrap(), b"short");
    let refused = store.bucket("another").names().unwrap_err().to_string();
    assert_eq!(refused, format!("the store {} refuses GET in bucket news: 403 SignatureDoesNotMatch No & no.", store.endpoint));
    store.shelf.lock().unwrap().forgets = true;
    let endless = bucket.names().unwrap_err().to_string();
    assert_eq!(endless, format!("{} begins the same page of its list again and again", store.endpoint));
}

//! A place in an S3-compatible store: put, get, list, remove, nothing more. Addresses are path-style, which all of them understand.

use super::Failure;
use super::disk::hexadecimal;
use super::signature::{Credentials, Request, authorization, encoded};
use crate::http::Clock;
use crate::outbound::{self, Client, Response};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is longer is sent and fetched in parts of this size: memory for one at a time, and 10 000 of them are 160 GB.
const PART: usize = 16 * 1024 * 1024;
/// How often a request is tried that fails for reasons that may pass.
const TRIES: u32 = 4;
/// Time for one request, a part there and back.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where in the store, and who asks.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// `https://host[:port]`, without a path.
    pub endpoint: String,
    pub name: String,
    /// Stands before every name, with a slash at its end; may be empty.
    pub prefix: String,
    pub credentials: Credentials,
    pub client: Client,
}

/// A request before it is signed.
#[derive(Clone, Copy)]
struct Ask<'a> {
    method: &'static str,
    name: &'a str,
    /// Names and values, sorted by name.
    query: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    /// The bytes that are wanted, if not all: from, and to, which is among them.
    range: Option<(u64, u64)>,
}

impl<'a> Ask<'a> {
    const fn plain(method: &'static str, name: &'a str) -> Self {
        Self { method, name, query: &[], body: &[], range: None }
    }
}

impl Bucket {
    /// The names below the prefix, not those in deeper folders.
    pub fn names(&self) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        let (mut token, mut known) = (String::new(), HashSet::new());
        loop {
            let mut query = vec![("list-type", "2"), ("prefix", self.prefix.as_str())];
            if !token.is_empty() {
                query.insert(0, ("continuation-token", token.as_str()));
            }
            let text = text_of(&self.ask(Ask { query: &query, ..Ask::plain("GET", "") })?);
            let keys = elements(&text, "Key").filter_map(|key| key.strip_prefix(&self.prefix).map(str::to_owned));
            names.extend(keys.filter(|name| !name.contains('/')));
            let more = elements(&text, "IsTruncated").next().is_some_and(|truncated| truncated == "true");
            match elements(&text, "NextContinuationToken").next() {
                Some(next) if more && known.insert(next.clone()) => token = next,
                Some(_known) if more => {
                    return Err(Failure(format!("{} begins the same page of its list again and again", self.endpoint)));
                }
                _ => return Ok(names),
            }
        }
    }

    /// The bytes of something small.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        Ok(self.ask(Ask::plain("GET", name))?.body)
    }

    /// Fetches something of that size into a file.
    pub fn fetch(&self, name: &str, size: u64, mut to: &File) -> Result<(), Failure> {
        let mut at = 0;
        while at < size {
            let last = size.min(at + PART as u64) - 1;
            let part = self.ask(Ask { range: Some((at, last)), ..Ask::plain("GET", name) })?.body;
            if part.len() as u64 != last + 1 - at {
                return Err(Failure(format!("{name} at {} is not as long as its manifest tells", self.endpoint)));
            }
            to.write_all(&part)?;
            at = last + 1;
        }
        Ok(())
    }

    /// Puts a file under a name, and insists that the store says that all of it is there. The store checks the SHA-256 of each part.
    pub fn put(&self, path: &Path, name: &str) -> Result<(), Failure> {
        let mut file = File::open(path).map_err(|error| Failure(format!("{} cannot be read: {error}", path.display())))?;
        let size = file.metadata()?.len();
        let mut part = Vec::new();
        next_part(&mut file, &mut part)?;
        if size <= PART as u64 {
            self.ask(Ask { body: &part, ..Ask::plain("PUT", name) })?;
        } else {
            self.put_parts(&mut file, part, name)?;
        }
        let there = self.ask(Ask::plain("HEAD", name))?.header("content-length").and_then(|length| length.parse().ok());
        if there == Some(size) { Ok(()) } else { Err(Failure(format!("{name} did not arrive whole at {}", self.endpoint))) }
    }

    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        self.ask(Ask::plain("DELETE", name)).map(drop)
    }

    fn put_parts(&self, file: &mut File, first: Vec<u8>, name: &str) -> Result<(), Failure> {
        let begun = self.ask(Ask { query: &[("uploads", "")], ..Ask::plain("POST", name) })?;
        let upload = elements(&text_of(&begun), "UploadId").next();
        let upload = upload.ok_or_else(|| Failure(format!("the store {} begins no upload", self.endpoint)))?;
        let sent = self.send_parts(file, first, name, &upload);
        if sent.is_err() {
            // Else the store keeps, and counts, the parts; if that fails, too, what is told is why the upload failed.
            let _kept = self.ask(Ask { query: &[("uploadId", &upload)], ..Ask::plain("DELETE", name) });
        }
        sent
    }

    fn send_parts(&self, file: &mut File, first: Vec<u8>, name: &str, upload: &str) -> Result<(), Failure> {
        let mut part = first;
        let mut list = String::from("<CompleteMultipartUpload>");
        let mut number = 1;
        while !part.is_empty() {
            let query = [("partNumber", number.to_string()), ("uploadId", upload.to_owned())];
            let query = [(query[0].0, query[0].1.as_str()), (query[1].0, query[1].1.as_str())];
            let answer = self.ask(Ask { query: &query, body: &part, ..Ask::plain("PUT", name) })?;
            let tag = answer.header("etag").unwrap_or_default();
            list.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"));
            number += 1;
            next_part(file, &mut part)?;
        }
        list.push_str("</CompleteMultipartUpload>");
        let answer = self.ask(Ask { query: &[("uploadId", upload)], body: list.as_bytes(), ..Ask::plain("POST", name) })?;
        // This one answers 200 before it knows how it ends.
        if text_of(&answer).contains("<Error>") { Err(self.refused("POST", &answer)) } else { Ok(()) }
    }

    /// Sends a request, again after a while where the store is away or busy, and insists on a 2xx.
    fn ask(&self, ask: Ask<'_>) -> Result<Response, Failure> {
        let mut tries = 1;
        loop {
            let answer = self.ask_once(ask);
            let may_pass = answer.as_ref().map_or(true, |answer| matches!(answer.status, 429 | 500..));
            if may_pass && tries < TRIES {
                std::thread::sleep(Duration::from_millis(250 << tries));
                tries += 1;
                continue;
            }
            let answer = answer.map_err(|error| Failure(format!("the store {} cannot be used: {error}", self.endpoint)))?;
            return if (200..300).contains(&answer.status) { Ok(answer) } else { Err(self.refused(ask.method, &answer)) };
        }
    }

    fn ask_once(&self, ask: Ask<'_>) -> Result<Response, outbound::Failure> {
        let Ask { method, name, query, body, range } = ask;
        let path = self.path(name);
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let query = query.join("&");
        let (time, sum) = (Clock::system().now().compact(), hexadecimal(&Sha256::digest(body)));
        let host = self.endpoint.split_once("://").map_or(self.endpoint.as_str(), |(_, host)| host);
        let signed = [("host", host), ("x-amz-content-sha256", sum.as_str()), ("x-amz-date", time.as_str())];
        let signature = authorization(
            &self.credentials,
            &Request { method, path: &path, query: &query, headers: &signed, body_sum: &sum, time: &time },
        );
        let mut headers = vec![("x-amz-content-sha256", sum), ("x-amz-date", time), ("authorization", signature)];
        headers.extend(range.map(|(from, to)| ("range", format!("bytes={from}-{to}"))));
        let url = if query.is_empty() { format!("{}{path}", self.endpoint) } else { format!("{}{path}?{query}", self.endpoint) };
        let longest = PART as u64;
        self.client.send_and_wait(&outbound::Request { method, url, headers, body: body.to_vec(), timeout: PATIENCE, longest })
    }

    /// Of something, or of the bucket itself where there is no name.
    fn path(&self, name: &str) -> String {
        if name.is_empty() {
            return format!("/{}", encoded(&self.name));
        }
        let key = format!("{}{name}", self.prefix);
        let parts: Vec<String> = key.split('/').map(encoded).collect();
        format!("/{}/{}", encoded(&self.name), parts.join("/"))
    }

    fn refused(&self, method: &str, answer: &Response) -> Failure {
        let text = text_of(answer);
        let told = |name: &str| elements(&text, name).next().unwrap_or_default();
        let (status, bucket) = (answer.status, &self.name);
        let why = format!("the store {} refuses {method} in bucket {bucket}: {status} {} {}", self.endpoint, told("Code"), told("Message"));
        Failure(why.trim_end().to_owned())
    }
}

fn next_part(file: &mut File, part: &mut Vec<u8>) -> Result<(), Failure> {
    part.clear();
    file.take(PART as u64).read_to_end(part)?;
    Ok(())
}

fn text_of(answer: &Response) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The texts of all elements of that name. The answers are flat, made by machines, and hold no others of the same names inside.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (text, after) = after.split_once(&close)?;
        rest = after;
        Some(["&lt;<", "&gt;>", "&quot;\"", "&apos;'", "&amp;&"].iter().fold(text.to_owned(), |text, pair| {
            let (entity, character) = pair.split_at(pair.len() - 1);
            text.replace(entity, character)
        }))
    })
}

/// Where a bucket's backups are prepared before they are sent.
pub fn staging(data_dir: &Path) -> PathBuf {
    data_dir.join("backup-staging")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_in_what_stores_answer() {
        let xml = "<?xml version=\"1.0\"?><L><IsTruncated>true</IsTruncated><Contents><Key>a/b&amp;amp;c</Key></Contents><Contents><Key>d</Key></Contents></L>";
        assert_eq!(elements(xml, "Key").collect::<Vec<_>>(), ["a/b&amp;c", "d"]);
        assert_eq!(elements(xml, "IsTruncated").next().as_deref(), Some("true"));
        assert_eq!(elements(xml, "Code").next(), None);
        assert_eq!(elements("<Key>cut", "Key").next(), None);
    }
}

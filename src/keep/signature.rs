//! AWS Signature Version 4, which S3 and all that speak like it want
//! (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).

use super::disk::hexadecimal;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use std::fmt::Write as _;

/// Who asks.
#[derive(Clone)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
    pub region: String,
}

/// Says nothing of the keys.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("region", &self.region).finish_non_exhaustive()
    }
}

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    /// As it is sent: [`encoded`], its slashes apart.
    pub path: &'a str,
    /// As it is sent: [`encoded`], sorted by name.
    pub query: &'a str,
    /// Lower-case names, sorted; `host`, `x-amz-content-sha256` and `x-amz-date` are among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the body in hexadecimal digits.
    pub body_sum: &'a str,
    /// `20130524T000000Z`.
    pub time: &'a str,
}

/// The value of the header `Authorization`.
pub fn authorization(who: &Credentials, request: &Request<'_>) -> String {
    let day = request.time.get(..8).unwrap_or_default();
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut canonical = format!("{}\n{}\n{}\n", request.method, request.path, request.query);
    for (name, value) in request.headers {
        // Writing to a String cannot fail.
        let _written = writeln!(canonical, "{name}:{}", value.trim());
    }
    let _written = write!(canonical, "\n{names}\n{}", request.body_sum);
    let scope = format!("{day}/{}/s3/aws4_request", who.region);
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", request.time, hexadecimal(&Sha256::digest(&canonical)));
    let key = [day, &who.region, "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{}", who.secret_key).into_bytes(), |key, part| keyed(&key, part.as_bytes()));
    let signature = hexadecimal(&keyed(&key, to_sign.as_bytes()));
    format!("AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}", who.access_key)
}

fn keyed(key: &[u8], text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec()).unwrap_or_default()
}

/// Percent-encoding as the signature wants it: all but letters, digits, `-`, `.`, `_` and `~`, in upper-case digits.
pub fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _written = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const TIME: &str = "20130524T000000Z";

    fn signature(request: &Request<'_>) -> String {
        let who = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            region: "us-east-1".into(),
        };
        authorization(&who, request).split_once("Signature=").unwrap().1.to_owned()
    }

    /// The examples of the manual, with its keys.
    #[test]
    fn the_examples_of_the_manual_are_signed_as_they_are_there() {
        let host = ("host", "examplebucket.s3.amazonaws.com");
        let get = Request {
            method: "GET",
            path: "/test.txt",
            query: "",
            headers: &[host, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY), ("x-amz-date", TIME)],
            body_sum: EMPTY,
            time: TIME,
        };
        assert_eq!(signature(&get), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
        let plain = [host, ("x-amz-content-sha256", EMPTY), ("x-amz-date", TIME)];
        let lifecycle = Request { path: "/", query: "lifecycle=", headers: &plain, ..get };
        assert_eq!(signature(&lifecycle), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
        let list = Request { query: "max-keys=2&prefix=J", ..lifecycle };
        assert_eq!(signature(&list), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
        let body_sum = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        let put = Request {
            method: "PUT",
            path: &format!("/{}", encoded("test$file.text")),
            query: "",
            headers: &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                host,
                ("x-amz-content-sha256", body_sum),
                ("x-amz-date", TIME),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            body_sum,
            time: TIME,
        };
        assert_eq!(signature(&put), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    }

    #[test]
    fn debug_shows_no_key() {
        let who = Credentials { access_key: "AKIA1".into(), secret_key: "hunter2".into(), region: "here".into() };
        assert_eq!(format!("{who:?}"), "Credentials { region: \"here\", .. }");
    }
}

//! Content codings (RFC 9110 §8.4, §12.5.3): which one a client wants, and the bytes in it.

use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Bytes;
use std::io::Write;

/// Bodies shorter than this are sent as they are: a coding would not make them fit fewer packets.
const SHORTEST: usize = 1024;
/// Brotli's quality, 0 to 11: 5 is near the best for what is compressed once and sent often, at a tenth of the cost.
const BROTLI_QUALITY: i32 = 5;
const BROTLI_WINDOW: i32 = 20;
const ZSTD_LEVEL: i32 = 9;

/// A coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    Identity,
    Gzip,
    Brotli,
    Zstd,
}

impl Coding {
    /// Its name in `Content-Encoding`.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// What the client likes best; of equals brotli, then zstd, then gzip.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let Some(accepted) = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()) else { return Self::Identity };
        let mut best = (Self::Identity, 0.0);
        for coding in [Self::Brotli, Self::Zstd, Self::Gzip] {
            let quality = quality(accepted, coding.name().unwrap_or_default());
            if quality > best.1 {
                best = (coding, quality);
            }
        }
        best.0
    }
}

/// How much a client likes a coding, 0 to 1; codings that it does not name count as `*`, if that is there.
fn quality(accepted: &str, name: &str) -> f32 {
    let mut any = 0.0;
    for part in accepted.split(',') {
        let mut parameters = part.split(';').map(str::trim);
        let coding = parameters.next().unwrap_or_default();
        let weight = parameters.find_map(|parameter| parameter.strip_prefix("q=")).map_or(Some(1.0), |weight| weight.parse::<f32>().ok());
        let weight = weight.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0);
        if coding.eq_ignore_ascii_case(name) {
            return weight;
        }
        if coding == "*" {
            any = weight;
        }
    }
    any
}

/// The body in a coding; as it is where that is shorter, or short enough.
pub fn encode(body: Bytes, coding: Coding) -> (Bytes, Coding) {
    if body.len() < SHORTEST {
        return (body, Coding::Identity);
    }
    let encoded = match coding {
        Coding::Identity => return (body, coding),
        Coding::Gzip => gzip(&body),
        Coding::Brotli => brotli(&body),
        Coding::Zstd => zstd::bulk::compress(&body, ZSTD_LEVEL),
    };
    match encoded {
        Ok(encoded) if encoded.len() < body.len() => (encoded.into(), coding),
        _ => (body, Coding::Identity),
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

fn brotli(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoded = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: BROTLI_QUALITY, lgwin: BROTLI_WINDOW, ..Default::default() };
    brotli::BrotliCompress(&mut &*body, &mut encoded, &parameters)?;
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accepted: &'static str) -> Coding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static(accepted));
        Coding::wanted(&headers)
    }

    #[test]
    fn the_client_gets_what_it_likes_best() {
        assert_eq!(wanted("gzip, deflate, br, zstd"), Coding::Brotli);
        assert_eq!(wanted("gzip;q=1.0, br;q=0.5"), Coding::Gzip);
        assert_eq!(wanted("zstd, gzip"), Coding::Zstd);
        assert_eq!(wanted("br;q=0, *"), Coding::Zstd);
        assert_eq!(wanted("identity"), Coding::Identity);
        assert_eq!(wanted("gzip;q=nonsense"), Coding::Identity);
        assert_eq!(wanted(""), Coding::Identity);
    }

    #[test]
    fn what_is_short_or_does_not_shrink_stays_as_it_is() {
        let short = Bytes::from_static(b"{}");
        assert_eq!(encode(short.clone(), Coding::Gzip), (short, Coding::Identity));
        let long = Bytes::from("a sentence, again and again. ".repeat(100));
        for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
            let (encoded, used) = encode(long.clone(), coding);
            assert_eq!(used, coding);
            assert!(encoded.len() < long.len() / 5);
        }
    }
}

//! The contents of revisions in few bytes: whole, or what changed since another.

use std::cell::RefCell;
use std::io;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

/// More steps make the story smaller and its revisions slower to read; each costs microseconds.
const FAN: i64 = 8;
/// Beyond it a level buys no bytes here, only time.
const LEVEL: i32 = 6;
/// The most bytes that a content may take; no request is that large.
const MOST_BYTES: usize = 256 * 1024 * 1024;
/// Contents that are longer than this together need to be told how far back to look.
const SHORT: usize = 1024 * 1024;

/// The revision that revision `number` is told by, if both exist: the one before, but each 8th goes back 8, each 64th 64, and so on.
/// So what tells the 10 000th is never more than 29 steps away, and only few revisions reach far back.
pub const fn base_of(number: i64) -> i64 {
    let mut reach = 1;
    while reach < number - 1 && (number - 1) % (reach * FAN) == 0 {
        reach *= FAN;
    }
    number - reach
}

thread_local! {
    /// What compressing needs, made once for each thread: to make it takes as long as to use it.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// The content whole.
pub fn pack(content: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(content)
    })
}

/// What `content` has that `base` has not; nothing where they are the same, `None` where it would be shorter to tell it whole.
pub fn pack_since(base: &[u8], content: &[u8]) -> io::Result<Option<Vec<u8>>> {
    if base == content {
        return Ok(Some(Vec::new()));
    }
    let mut compressor = Compressor::with_dictionary(LEVEL, base)?;
    let bytes = base.len() + content.len();
    if bytes > SHORT {
        compressor.set_parameter(CParameter::WindowLog((usize::BITS - bytes.leading_zeros()).min(27)))?;
    }
    let delta = compressor.compress(content)?;
    let is_short = delta.len() < content.len() / 8 || delta.len() < pack(content)?.len();
    Ok(is_short.then_some(delta))
}

/// The content back, from how it was packed, in one frame or in several that make one content (`manuscript.rs`); plain JSON is as it was kept before anything was packed.
pub fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    if packed.first() == Some(&b'{') { Ok(packed.to_owned()) } else { zstd::bulk::decompress(packed, MOST_BYTES) }
}

/// The content back, from what it was packed since and how.
pub fn unpack_since(base: Vec<u8>, packed: &[u8]) -> io::Result<Vec<u8>> {
    if packed.is_empty() { Ok(base) } else { Decompressor::with_dictionary(&base)?.decompress(packed, MOST_BYTES) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps(mut number: i64) -> usize {
        let mut steps = 0;
        while base_of(number) >= 1 {
            number = base_of(number);
            steps += 1;
        }
        steps
    }

    #[test]
    fn any_revision_is_a_few_steps_from_a_whole_one() {
        assert_eq!([1, 2, 3, 8, 9, 10, 17, 65, 73, 513].map(base_of), [0, 1, 2, 7, 1, 9, 9, 1, 65, 1]);
        assert!((1..=10_000).all(|number| (0..number).contains(&base_of(number))));
        assert_eq!((1..=10_000).map(steps).max(), Some(29));
        assert!((1_000_000..1_010_000).map(steps).max() <= Some(7 * 7));
    }

    #[test]
    fn a_few_words_in_a_long_story_take_a_few_bytes() {
        let story: String = (0..60_000).map(|word| format!("word{word} ")).collect();
        let edited = story.replace("word30000 ", "word30000 and, so they said, ");
        let delta = pack_since(story.as_bytes(), edited.as_bytes()).unwrap().unwrap();
        assert!(delta.len() < 200, "{}", delta.len());
        assert_eq!(unpack_since(story.into_bytes(), &delta).unwrap(), edited.as_bytes());
        assert_eq!(pack_since(edited.as_bytes(), edited.as_bytes()).unwrap(), Some(Vec::new()));
        assert_eq!(pack_since(edited.as_bytes(), b"short").unwrap(), None);
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(base: Vec<u8>, content: Vec<u8>, inserted: Vec<u8>) {
            let content = [b"{\"x".to_vec(), content].concat();
            prop_assert_eq!(&unpack(&pack(&content).unwrap()).unwrap(), &content);
            let frames = [pack(&content).unwrap(), pack(&inserted).unwrap()].concat();
            prop_assert_eq!(unpack(&frames).unwrap(), [content.as_slice(), &inserted].concat());
            prop_assert_eq!(&unpack(&content).unwrap(), &content);
            let edited = [&base[..base.len() / 2], &inserted, &base[base.len() / 2..]].concat();
            for other in [&content, &edited] {
                if let Some(delta) = pack_since(&base, other).unwrap() {
                    prop_assert_eq!(&unpack_since(base.clone(), &delta).unwrap(), other);
                }
            }
        }
    }
}

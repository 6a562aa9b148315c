//! What the public sees and when it last changed: how a kept answer knows that it is out of date.
//!
//! Each name (`article-<id>`, `author-<id>`, `tag-<id>`, `articles`, …) has a mark that moves when a commit touches it, before the
//! writer is answered. An answer remembers the marks of all the names inside it; if none has moved, it is what a fresh read would say.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names share marks when their hashes meet; then one answer too many is made anew, and that is all.
const MARKS: usize = 1 << 16;

/// The marks of all names.
pub struct Marks {
    /// Moves with every commit that touches anything.
    epoch: AtomicU64,
    marks: Box<[AtomicU64]>,
}

/// Where a name's mark stood.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    place: usize,
    mark: u64,
}

/// When a read began; see `Marks::begin`.
#[derive(Clone, Copy, Debug)]
pub struct Began(u64);

impl Default for Marks {
    fn default() -> Self {
        Self { epoch: AtomicU64::new(0), marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Marks {
    /// Says that a commit has touched these names. Call it after the commit and before its writer is answered.
    pub fn touch<'a>(&self, names: impl IntoIterator<Item = &'a String>) {
        let mut any = false;
        for name in names {
            any = true;
            if let Some(mark) = self.marks.get(place(name)) {
                mark.fetch_add(1, Ordering::AcqRel);
            }
        }
        if any {
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Says that anything may have changed.
    pub fn touch_all(&self) {
        for mark in &self.marks {
            mark.fetch_add(1, Ordering::AcqRel);
        }
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// To be called before the queries of an answer that is to be kept.
    pub fn begin(&self) -> Began {
        Began(self.epoch.load(Ordering::Acquire))
    }

    /// The marks of the names inside an answer whose queries began at `began`; `None` if a commit came in between,
    /// so that nobody can tell whether the answer is from before or after it.
    pub fn seen<'a>(&self, began: Began, names: impl IntoIterator<Item = &'a String>) -> Option<Vec<Seen>> {
        let mark = |name: &String| {
            let place = place(name);
            Some(Seen { place, mark: self.marks.get(place)?.load(Ordering::Acquire) })
        };
        let seen = names.into_iter().map(mark).collect();
        if self.epoch.load(Ordering::Acquire) == began.0 { seen } else { None }
    }

    /// Where the mark of a name stands now.
    pub fn stand(&self, name: &str) -> Option<Seen> {
        let place = place(name);
        Some(Seen { place, mark: self.marks.get(place)?.load(Ordering::Acquire) })
    }

    /// Whether nothing of it has moved.
    pub fn hold(&self, seen: &[Seen]) -> bool {
        seen.iter().all(|seen| self.marks.get(seen.place).is_some_and(|mark| mark.load(Ordering::Acquire) == seen.mark))
    }
}

fn place(name: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    usize::try_from(hasher.finish() % (MARKS as u64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Marks;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_answer_holds_until_something_inside_it_is_touched() {
        let marks = Marks::default();
        let seen = marks.seen(marks.begin(), &names(&["article-1", "tag-1"])).unwrap();
        marks.touch(&names(&["article-2", "articles"]));
        assert!(marks.hold(&seen));
        marks.touch(&names(&["tag-1"]));
        assert!(!marks.hold(&seen));
    }

    #[test]
    fn an_answer_is_not_kept_when_a_commit_came_between_its_queries_and_its_keeping() {
        let marks = Marks::default();
        let began = marks.begin();
        marks.touch(&names(&["article-1"]));
        assert!(marks.seen(began, &names(&["article-2"])).is_none());
        let seen = marks.seen(marks.begin(), &names(&["article-2"])).unwrap();
        marks.touch_all();
        assert!(!marks.hold(&seen));
    }
}

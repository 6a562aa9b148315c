//! Which backups go when there are enough: the oldest, and of what is no backup of ours nothing.

use super::manifest::{Manifest, stem};
use std::collections::{BTreeMap, BTreeSet};

/// The finished backups among the names in a place, the oldest first: those with a manifest.
pub fn finished(names: &[String]) -> Vec<String> {
    let stems: BTreeSet<&str> = names.iter().filter_map(|name| stem(name)).collect();
    let is_finished = |stem: &&str| names.iter().any(|name| *name == Manifest::name(stem));
    stems.into_iter().filter(is_finished).map(str::to_owned).collect()
}

/// The names to remove so that the newest `keep` backups stay, manifests first. Files that were never finished go when a newer backup is.
pub fn surplus(names: &[String], keep: usize) -> Vec<String> {
    let finished = finished(names);
    let Some(newest) = finished.last() else { return Vec::new() };
    let staying: BTreeSet<&String> = finished.iter().rev().take(keep.max(1)).collect();
    let mut going: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in names {
        let Some(stem) = stem(name) else { continue };
        if stem < newest.as_str() && !staying.contains(&stem.to_owned()) {
            going.entry(stem).or_default().push(name.clone());
        }
    }
    for names in going.values_mut() {
        names.sort_by_key(|name| !name.ends_with(".json"));
    }
    going.into_values().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(days: &[&str]) -> Vec<String> {
        days.iter().map(|name| format!("copydesk-202506{name}")).collect()
    }

    #[test]
    fn the_oldest_go_manifest_first_and_strangers_stay() {
        let mut there = names(&[
            "01T000000Z.db.zst",
            "01T000000Z.json",
            "02T000000Z.json",
            "02T000000Z.ndjson.zst",
            "03T000000Z.db.zst",
            "03T000000Z.json",
        ]);
        there.push("holiday.jpg".into());
        there.push("copydesk.db".into());
        assert_eq!(finished(&there), names(&["01T000000Z", "02T000000Z", "03T000000Z"]));
        assert_eq!(surplus(&there, 3), names(&[]));
        assert_eq!(surplus(&there, 2), names(&["01T000000Z.json", "01T000000Z.db.zst"]));
        assert_eq!(surplus(&there, 1).len(), 4);
        assert_eq!(surplus(&there, 0).len(), 4, "one stays in any case");
    }

    #[test]
    fn what_was_never_finished_goes_when_a_newer_backup_is_there_and_not_before() {
        let unfinished = names(&["01T000000Z.db.zst", "02T000000Z.json", "02T000000Z.db.zst", "03T000000Z.db.zst"]);
        assert_eq!(surplus(&unfinished, 5), names(&["01T000000Z.db.zst"]));
        assert_eq!(surplus(&names(&["01T000000Z.db.zst"]), 1), names(&[]));
    }
}

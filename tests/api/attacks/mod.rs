//! Bad input and abuse: each test begins with the row of the attack sheet it samples, and defends the row's class.

mod authentication;
mod authorisation;
mod caches;
mod desk;
mod history;
mod identity;
mod keys;
mod leaks;
mod previews;
mod processes;
mod protocol;
mod races;
mod reads;
mod scripts;
mod search;

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::json;

/// What shared caches may do with a live answer.
const SHARED: &str = "public, max-age=0, s-maxage=30, stale-while-revalidate=300";

/// A newsroom with a live story, a draft, an author who has a secret address, and an internal tag.
fn newsroom() -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Marcus", "email": "marcus@secret.example" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Migration" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Hushed", "visibility": "internal" })).expect(201);
    newsroom.publish(&editor, &json!({ "title": "Live", "body": "Out.", "authors": ["marcus"], "tags": ["migration", "hushed"] }));
    newsroom.draft(&editor, &json!({ "title": "Hidden", "body": "Zanzibar.", "authors": ["marcus"], "tags": ["migration"] }));
    (newsroom, editor)
}

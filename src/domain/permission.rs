//! Who may do what to a story. Authors, tags and users need a role only; the guards say which.

use super::article::Status;
use super::user::Role;

/// What somebody wants to do to a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Edit,
    Delete,
    Publish,
    Unpublish,
}

/// Whether `role` may do `deed` to a story in `status`; `own` says whether the story is theirs.
pub fn may(role: Role, deed: Deed, own: bool, status: Status) -> bool {
    match role {
        Role::Editor | Role::Admin => true,
        Role::Author => own,
        Role::Contributor => own && status == Status::Draft && matches!(deed, Deed::Edit | Deed::Delete),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contributor_edits_own_drafts_only_and_publishes_nothing() {
        assert!(may(Role::Contributor, Deed::Edit, true, Status::Draft));
        assert!(!may(Role::Contributor, Deed::Edit, true, Status::Published));
        assert!(!may(Role::Contributor, Deed::Edit, false, Status::Draft));
        assert!(!may(Role::Contributor, Deed::Publish, true, Status::Draft));
    }

    #[test]
    fn an_author_does_all_to_own_stories_and_nothing_to_others() {
        for deed in [Deed::Edit, Deed::Delete, Deed::Publish, Deed::Unpublish] {
            assert!(may(Role::Author, deed, true, Status::Published));
            assert!(!may(Role::Author, deed, false, Status::Draft));
            assert!(may(Role::Editor, deed, false, Status::Published));
        }
    }
}

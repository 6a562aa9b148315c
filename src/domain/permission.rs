//! Who may do what to a story. Authors, tags and users need a role only; the guards say which.

use super::article::{State, Status, Transition};
use super::user::Role;

/// What somebody wants to do to a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// To change the working copy, or to say that one is at it.
    Edit,
    Delete,
    Step(Transition),
    /// To take a public correction back.
    Retract,
}

impl Deed {
    /// What an editor decides, whosever the story is.
    const fn is_editorial(self) -> bool {
        matches!(self, Self::Step(Transition::Return | Transition::Kill | Transition::Unkill) | Self::Retract)
    }
}

/// Whether `role` may do `deed` to a story in `state`; `own` says whether the story is theirs.
/// What an editor has killed no author lifts by another way.
pub fn may(role: Role, deed: Deed, own: bool, state: State) -> bool {
    match role {
        Role::Editor | Role::Admin => true,
        Role::Author => {
            let lifts_a_kill = state.is_killed && matches!(deed, Deed::Delete | Deed::Step(Transition::Unpublish));
            own && !deed.is_editorial() && !lifts_a_kill
        }
        Role::Contributor => match deed {
            Deed::Edit | Deed::Delete => own && state.status == Status::Draft,
            Deed::Step(Transition::Submit) => own,
            Deed::Step(_) | Deed::Retract => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: State = State { status: Status::Published, ..State::NEW };

    #[test]
    fn a_contributor_edits_and_submits_own_drafts_and_publishes_nothing() {
        assert!(may(Role::Contributor, Deed::Edit, true, State::NEW));
        assert!(may(Role::Contributor, Deed::Step(Transition::Submit), true, State::NEW));
        assert!(!may(Role::Contributor, Deed::Step(Transition::Submit), false, State::NEW));
        assert!(!may(Role::Contributor, Deed::Edit, true, LIVE));
        assert!(!may(Role::Contributor, Deed::Edit, true, State { status: Status::InReview, ..State::NEW }));
        assert!(!may(Role::Contributor, Deed::Edit, false, State::NEW));
        assert!(!may(Role::Contributor, Deed::Step(Transition::Publish), true, State::NEW));
    }

    #[test]
    fn an_author_does_what_is_not_an_editors_to_own_stories_and_nothing_to_others() {
        use Transition::{Archive, Correct, Discard, Kill, Publish, Return, Submit, Unarchive, Unkill, Unpublish};
        for deed in
            [Publish, Unpublish, Discard, Submit, Archive, Unarchive, Correct].map(Deed::Step).into_iter().chain([Deed::Edit, Deed::Delete])
        {
            assert!(may(Role::Author, deed, true, LIVE), "{deed:?}");
            assert!(!may(Role::Author, deed, false, LIVE), "{deed:?}");
            assert!(may(Role::Editor, deed, false, LIVE), "{deed:?}");
        }
        for deed in [Return, Kill, Unkill].map(Deed::Step).into_iter().chain([Deed::Retract]) {
            assert!(!may(Role::Author, deed, true, LIVE), "{deed:?}");
            assert!(may(Role::Editor, deed, false, LIVE), "{deed:?}");
        }
    }

    #[test]
    fn an_author_does_not_undo_a_kill_by_taking_the_story_down() {
        let killed = State { is_killed: true, ..LIVE };
        assert!(may(Role::Author, Deed::Edit, true, killed));
        assert!(!may(Role::Author, Deed::Delete, true, killed));
        assert!(!may(Role::Author, Deed::Step(Transition::Unpublish), true, killed));
    }
}

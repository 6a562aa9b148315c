//! Who may do what to a story: the rows of the matrix (`rights.rs`), and what hangs on the state that the story is in.

use super::api_key::Grant;
use super::article::{State, Status, Transition};
use super::rights::{self, Refusal, Scope};
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
    /// The operation whose row of the matrix is looked up.
    const fn operation(self) -> &'static str {
        match self {
            Self::Edit => "update_article",
            Self::Delete => "delete_article",
            Self::Retract => "delete_correction",
            Self::Step(transition) => match transition {
                Transition::Publish => "publish_article",
                Transition::Unpublish => "unpublish_article",
                Transition::Discard => "discard_article",
                Transition::Submit => "submit_article",
                Transition::Return => "return_article",
                Transition::Archive => "archive_article",
                Transition::Unarchive => "unarchive_article",
                Transition::Kill => "kill_article",
                Transition::Unkill => "unkill_article",
                Transition::Correct => "create_correction",
                Transition::Schedule => "schedule_article",
                Transition::Unschedule => "unschedule_article",
            },
        }
    }
}

/// Whether `role` may do `deed` to a story in `state`; `own` says whether the story is theirs. Beyond the matrix, a contributor changes
/// drafts only, and what an editor has killed no author lifts by another way.
pub fn may(role: Role, deed: Deed, own: bool, state: State) -> bool {
    let least = rights::of(deed.operation()).and_then(|right| right.role_for(own));
    let is_high_enough = least.is_some_and(|least| role >= least);
    let is_kept_out = match role {
        Role::Contributor => matches!(deed, Deed::Edit | Deed::Delete) && state.status != Status::Draft,
        Role::Author => state.is_killed && matches!(deed, Deed::Delete | Deed::Step(Transition::Unpublish)),
        Role::Editor | Role::Admin => false,
    };
    is_high_enough && !is_kept_out
}

/// Whether a key with that grant opens `deed` on a story in `state`. What takes a story from the public needs the right to publish, too.
pub fn opens(grant: &Grant, deed: Deed, state: State) -> Result<(), Refusal> {
    let is_out = state.is_killed || matches!(state.status, Status::Published | Status::Scheduled);
    if deed == Deed::Delete && is_out && !grant.scopes.contains(&Scope::ContentPublish) {
        return Err(Refusal::Scope(Scope::ContentPublish));
    }
    match rights::of(deed.operation()) {
        Some(right) => right.admit(Role::Admin, Some((&grant.scopes, grant.limits.is_some()))),
        None => Err(Refusal::SignIn),
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

    #[test]
    fn a_key_that_only_writes_takes_nothing_from_the_public() {
        let writes = Grant { scopes: vec![Scope::ContentWrite], ..Grant::default() };
        let both = Grant { scopes: vec![Scope::ContentWrite, Scope::ContentPublish], ..Grant::default() };
        assert_eq!(opens(&writes, Deed::Edit, LIVE), Ok(()));
        assert_eq!(opens(&writes, Deed::Delete, State::NEW), Ok(()));
        for deed in [Deed::Delete, Deed::Step(Transition::Unpublish), Deed::Step(Transition::Archive), Deed::Step(Transition::Publish)] {
            assert_eq!(opens(&writes, deed, LIVE), Err(Refusal::Scope(Scope::ContentPublish)), "{deed:?}");
            assert_eq!(opens(&both, deed, LIVE), Ok(()));
        }
    }
}

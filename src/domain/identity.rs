//! Who somebody is elsewhere, and what that makes of them here.

use super::user::Role;

/// Which words of a provider's claim stand for which role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleMap(pub Vec<(String, Role)>);

/// The word that everybody is taken to have.
pub const EVERYBODY: &str = "*";

/// What the newsroom makes of people whom a provider vouches for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub roles: RoleMap,
    /// Whether the role is the claim's at each sign-in; otherwise the claim says only what role a new account begins with.
    pub follows_claim: bool,
    /// Whether whoever has a role by the map gets an account.
    pub makes_accounts: bool,
}

/// The account that somebody has here.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub role: Role,
    pub is_disabled: bool,
    pub is_last_administrator: bool,
    /// Whether a newer token than this one has set the role.
    pub is_overtaken: bool,
}

/// What becomes of somebody whom the provider vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They act with this role, which the account has from now on.
    Admit(Role),
    /// An account with this role is made for them.
    Hire(Role),
    Refuse(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NoAccount,
    NoRole,
    Disabled,
}

impl RoleMap {
    /// The highest role that any of the words stands for.
    pub fn highest(&self, words: &[String]) -> Option<Role> {
        let has = |word: &String| word == EVERYBODY || words.contains(word);
        self.0.iter().filter(|(word, _)| has(word)).map(|(_, role)| *role).max()
    }
}

impl Policy {
    /// Judges somebody who has these words in the claim of roles.
    pub fn judge(&self, words: &[String], standing: Option<Standing>) -> Verdict {
        let claimed = self.roles.highest(words);
        let Some(standing) = standing else {
            return match claimed {
                _ if !self.makes_accounts => Verdict::Refuse(Refusal::NoAccount),
                Some(role) => Verdict::Hire(role),
                None => Verdict::Refuse(Refusal::NoRole),
            };
        };
        let follows = self.follows_claim && !self.roles.0.is_empty();
        match claimed {
            _ if standing.is_disabled => Verdict::Refuse(Refusal::Disabled),
            _ if !follows => Verdict::Admit(standing.role),
            None => Verdict::Refuse(Refusal::NoRole),
            Some(_) if standing.is_overtaken || standing.is_last_administrator => Verdict::Admit(standing.role),
            Some(role) => Verdict::Admit(role),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let roles = RoleMap(vec![("desk".into(), Role::Editor), ("interns".into(), Role::Contributor), ("it".into(), Role::Admin)]);
        Policy { roles, follows_claim: true, makes_accounts: true }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn standing(role: Role) -> Option<Standing> {
        Some(Standing { role, is_disabled: false, is_last_administrator: false, is_overtaken: false })
    }

    #[test]
    fn the_highest_role_of_all_words_counts_and_everybody_may_have_one() {
        let roles = policy().roles;
        assert_eq!(roles.highest(&words(&["interns", "desk", "chess"])), Some(Role::Editor));
        assert_eq!(roles.highest(&words(&["chess", "DESK"])), None);
        assert_eq!(roles.highest(&words(&["*"])), None, "nobody makes himself everybody");
        assert_eq!(RoleMap(vec![(EVERYBODY.into(), Role::Author)]).highest(&[]), Some(Role::Author));
    }

    #[test]
    fn strangers_get_an_account_only_where_accounts_are_made_and_with_a_role() {
        assert_eq!(policy().judge(&words(&["desk"]), None), Verdict::Hire(Role::Editor));
        assert_eq!(policy().judge(&words(&["chess"]), None), Verdict::Refuse(Refusal::NoRole));
        let closed = Policy { makes_accounts: false, ..policy() };
        assert_eq!(closed.judge(&words(&["desk"]), None), Verdict::Refuse(Refusal::NoAccount));
    }

    #[test]
    fn the_role_follows_the_claim_unless_told_otherwise() {
        assert_eq!(policy().judge(&words(&["desk"]), standing(Role::Contributor)), Verdict::Admit(Role::Editor));
        assert_eq!(policy().judge(&words(&["interns"]), standing(Role::Admin)), Verdict::Admit(Role::Contributor));
        assert_eq!(policy().judge(&words(&[]), standing(Role::Editor)), Verdict::Refuse(Refusal::NoRole), "who left every group is out");
        let ours = Policy { follows_claim: false, ..policy() };
        assert_eq!(ours.judge(&words(&["it"]), standing(Role::Author)), Verdict::Admit(Role::Author));
        assert_eq!(Policy { follows_claim: true, ..Policy::default() }.judge(&[], standing(Role::Editor)), Verdict::Admit(Role::Editor));
    }

    #[test]
    fn a_disabled_account_stays_out_an_old_token_changes_nothing_and_the_last_administrator_stays_one() {
        let with = |change: fn(&mut Standing)| {
            let mut standing = standing(Role::Admin).unwrap();
            change(&mut standing);
            policy().judge(&words(&["interns"]), Some(standing))
        };
        assert_eq!(with(|standing| standing.is_disabled = true), Verdict::Refuse(Refusal::Disabled));
        assert_eq!(with(|standing| standing.is_overtaken = true), Verdict::Admit(Role::Admin));
        assert_eq!(with(|standing| standing.is_last_administrator = true), Verdict::Admit(Role::Admin));
    }
}

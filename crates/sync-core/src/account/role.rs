//! What administrators may do.

use crate::account::Scope;

/// What an administrator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// See everything but secrets.
    Viewer,
    /// Also change devices, users, sources, objects and jobs.
    Operator,
    /// Everything.
    Administrator,
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// The role as it is kept.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }

    /// Reads what is kept; nothing for what a newer server has kept.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// What it is good for: the only place that says what a role may do.
    pub fn scopes(self) -> Vec<Scope> {
        let all = Scope::ALL.into_iter();
        match self {
            Self::Viewer => all.filter(|scope| scope.is_to_read()).collect(),
            Self::Operator => all
                .filter(|scope| !matches!(scope, Scope::Admin | Scope::SystemWrite))
                .collect(),
            Self::Administrator => vec![Scope::Admin],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_more_than_the_one_below() {
        let may = |role: Role, wanted| role.scopes().iter().any(|scope| scope.covers(wanted));
        for scope in Scope::ALL {
            assert_eq!(
                may(Role::Viewer, scope),
                scope.as_str().ends_with(":read"),
                "{scope}"
            );
            let is_systems = [Scope::Admin, Scope::SystemWrite].contains(&scope);
            assert_eq!(may(Role::Operator, scope), !is_systems, "{scope}");
            assert!(may(Role::Administrator, scope), "{scope}");
        }
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("owner"), None);
    }
}

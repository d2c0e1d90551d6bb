use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

/// The passwords of a server's users, made up when first asked for.
#[derive(Debug, Default)]
pub(super) struct Passwords {
    of_users: Mutex<BTreeMap<String, String>>,
}

impl Passwords {
    pub fn of(&self, user: &str) -> String {
        let mut users = self.of_users.lock().unwrap_or_else(PoisonError::into_inner);
        users.entry(user.to_owned()).or_insert_with(made_up).clone()
    }
}

/// A word that nobody can know.
pub fn made_up() -> String {
    let random = || RandomState::new().hash_one("password");
    format!("{:016x}{:016x}", random(), random())
}

//! What a database's errors mean.

use crate::adapter::AdapterError;
use crate::adapter::exchange::{bad_answer, shortened};
use crate::ports::SqlError;

/// Reads an error. The classes of SQLSTATE are those of the SQL standard, with what PostgreSQL and MySQL have added.
pub(super) fn to_adapter_error(error: SqlError) -> AdapterError {
    let message = shortened(&error.to_string());
    let SqlError::Refused { state, .. } = &error else {
        return match error {
            SqlError::NotText => bad_answer(message),
            _ => AdapterError::Unavailable { message },
        };
    };
    let class = state.get(..2).unwrap_or_default();
    match (class, state.as_str()) {
        // A password that is wrong, a right that is missing: whoever asks.
        ("28", _) | (_, "42501") => AdapterError::Unauthorized { message },
        // Values that do not fit, constraints, what triggers raise.
        ("22" | "23" | "27" | "44" | "45", _) | (_, "P0001") => AdapterError::Rejected { message },
        // Connections, transactions that got in each other's way, resources, locks, operators, files, the server itself.
        ("08" | "25" | "40" | "53" | "55" | "57" | "58" | "XX" | "70", _) => {
            AdapterError::Unavailable { message }
        }
        _ => bad_answer(message),
    }
}

/// Whether a refusal says that a value is there already.
pub(super) fn is_constraint(error: &SqlError) -> bool {
    matches!(error, SqlError::Refused { state, .. } if state.starts_with("23"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_decides_whether_a_change_is_refused_tried_again_or_kept() {
        let read = |state: &str| {
            to_adapter_error(SqlError::Refused {
                state: state.to_owned(),
                message: "no".to_owned(),
            })
        };
        let message = || "no".to_owned();
        for state in ["23505", "22P02", "P0001", "45000"] {
            let message = message();
            assert_eq!(read(state), AdapterError::Rejected { message }, "{state}");
        }
        for state in ["40001", "40P01", "57P01", "53300", "55P03", "08006"] {
            let message = message();
            assert_eq!(
                read(state),
                AdapterError::Unavailable { message },
                "{state}"
            );
        }
        for state in ["28P01", "42501"] {
            let message = message();
            assert_eq!(
                read(state),
                AdapterError::Unauthorized { message },
                "{state}"
            );
        }
        for state in ["42601", "42P01", "", "ü"] {
            let message = message();
            assert_eq!(read(state), AdapterError::BadAnswer { message }, "{state}");
        }
    }
}

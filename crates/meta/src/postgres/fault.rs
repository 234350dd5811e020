//! What an error of PostgreSQL means for an operation: run it again, or give up.

use std::io;

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::error::StoreError;

/// Why an operation may run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It met another transaction. It may run again at once.
    Conflict,
    /// The connection broke, or the server cannot be used now: it restarts, it became a standby. Another connection may
    /// find a server soon.
    Lost,
}

/// The fault behind an error, if running again can help.
pub(super) fn fault(error: &StoreError) -> Option<Fault> {
    match error {
        StoreError::Conflict => Some(Fault::Conflict),
        StoreError::Postgres(error) => of_postgres(error),
        StoreError::Connect(error) => match error.downcast_ref() {
            Some(PoolError::Timeout(_)) => Some(Fault::Lost),
            _ => of_postgres(error.downcast_ref()?),
        },
        _ => None,
    }
}

fn of_postgres(error: &tokio_postgres::Error) -> Option<Fault> {
    let Some(code) = error.code() else {
        let is_io = std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<io::Error>);
        return (error.is_closed() || is_io).then_some(Fault::Lost);
    };
    // PostgreSQL manual, "Serialization Failure Handling".
    if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code) {
        return Some(Fault::Conflict);
    }
    let unavailable = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        // The server is a standby, or became one.
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::TOO_MANY_CONNECTIONS,
    ];
    // Class 08 is "Connection Exception", which poolers answer too.
    (unavailable.contains(code) || code.code().starts_with("08")).then_some(Fault::Lost)
}

//! The one handle that operations run on: a transaction of either database, in the SQL that both share.
//!
//! Statements are written with `?1`, `?2`... and translated to `$1`, `$2`... for PostgreSQL. Where the dialects
//! part (locks, skipping locked rows) an operation asks for [`Tx::dialect`] and holds both texts side by side.

use futures::future::{BoxFuture, Either, Ready, ready};

use crate::{
    error::StoreError,
    postgres, sqlite,
    value::{FromValue, Param, Row, ToParam},
};

/// Which SQL the transaction speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

pub(crate) enum Driver<'a> {
    Sqlite(&'a mut rusqlite::Connection),
    Postgres(&'a postgres::Session),
}

/// The answer to a statement: SQLite's is there, PostgreSQL's arrives. One type for all statements.
pub type Sent<'t, T> = Either<Ready<Result<T, StoreError>>, BoxFuture<'t, Result<T, StoreError>>>;

/// A running transaction, or for a point read a single statement.
pub struct Tx<'a> {
    driver: Driver<'a>,
    /// How many statements may still run: one for a point read, which has no transaction around it.
    allowance: u32,
    /// The plans of its statements, if they are asked for.
    #[cfg(test)]
    plans: Option<Vec<Plan>>,
}

/// How a database would run a statement.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) sql: String,
    pub(crate) steps: Vec<String>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(driver: Driver<'a>) -> Self {
        Self {
            driver,
            allowance: u32::MAX,
            #[cfg(test)]
            plans: None,
        }
    }

    /// For a point read: no snapshot holds two statements together, so that a second one is a bug.
    pub(crate) fn single(driver: Driver<'a>) -> Self {
        Self { allowance: 1, ..Self::new(driver) }
    }

    /// Which SQL to speak where the common subset ends.
    pub fn dialect(&self) -> Dialect {
        match self.driver {
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The text for this dialect.
    pub fn fork<'t>(&self, sqlite: &'t str, postgres: &'t str) -> &'t str {
        match self.dialect() {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        }
    }

    fn spend(&mut self) -> Result<(), StoreError> {
        self.allowance =
            self.allowance.checked_sub(1).ok_or(StoreError::Bug("a point read ran two statements"))?;
        Ok(())
    }

    /// Notes the plan of each statement before it runs.
    #[cfg(test)]
    pub(crate) fn explaining(driver: Driver<'a>) -> Self {
        Self { plans: Some(Vec::new()), ..Self::new(driver) }
    }

    #[cfg(test)]
    pub(crate) fn into_plans(self) -> Vec<Plan> {
        self.plans.unwrap_or_default()
    }

    #[cfg(test)]
    async fn explain(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(), StoreError> {
        let Some(mut plans) = self.plans.take() else { return Ok(()) };
        let ask = self.fork("EXPLAIN QUERY PLAN ", "EXPLAIN ").to_owned() + sql;
        let rows = match &mut self.driver {
            Driver::Sqlite(connection) => sqlite::rows(connection, &ask, params)?,
            Driver::Postgres(session) => session.rows(&ask, params).await?,
        };
        let step = |mut row: Row| {
            if matches!(self.dialect(), Dialect::Sqlite) {
                // Its number, its parent and an unused column come before.
                let _: (i64, i64, i64) = (row.take()?, row.take()?, row.take()?);
            }
            row.take()
        };
        let steps = rows.into_iter().map(step).collect::<Result<_, StoreError>>()?;
        plans.push(Plan { sql: sql.to_owned(), steps });
        self.plans = Some(plans);
        Ok(())
    }

    /// All rows of a statement. SQLite has run it when this returns.
    pub fn rows<'t>(&'t mut self, sql: &'t str, params: &'t [Param<'_>]) -> Sent<'t, Vec<Row>> {
        if let Err(error) = self.spend().and_then(|()| refuse_nul(params)) {
            return Either::Left(ready(Err(error)));
        }
        #[cfg(test)]
        if self.plans.is_some() {
            return Either::Right(Box::pin(async move {
                self.explain(sql, params).await?;
                self.rows_now(sql, params).await
            }));
        }
        self.rows_now(sql, params)
    }

    fn rows_now<'t>(&'t mut self, sql: &'t str, params: &'t [Param<'_>]) -> Sent<'t, Vec<Row>> {
        match &mut self.driver {
            Driver::Sqlite(connection) => Either::Left(ready(sqlite::rows(connection, sql, params))),
            Driver::Postgres(session) => Either::Right(session.rows(sql, params)),
        }
    }

    /// The first row of a statement, if there is one.
    pub async fn row(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// The first column of the first row.
    pub async fn value<T: FromValue>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Option<T>, StoreError> {
        self.row(sql, params).await?.map(|mut row| row.take()).transpose()
    }

    /// Runs a statement that gives no rows; says how many it changed. SQLite has run it when this returns.
    pub fn execute<'t>(&'t mut self, sql: &'t str, params: &'t [Param<'_>]) -> Sent<'t, u64> {
        if let Err(error) = self.spend().and_then(|()| refuse_nul(params)) {
            return Either::Left(ready(Err(error)));
        }
        #[cfg(test)]
        if self.plans.is_some() {
            return Either::Right(Box::pin(async move {
                self.explain(sql, params).await?;
                self.execute_now(sql, params).await
            }));
        }
        self.execute_now(sql, params)
    }

    fn execute_now<'t>(&'t mut self, sql: &'t str, params: &'t [Param<'_>]) -> Sent<'t, u64> {
        match &mut self.driver {
            Driver::Sqlite(connection) => Either::Left(ready(sqlite::execute(connection, sql, params))),
            Driver::Postgres(session) => Either::Right(session.execute(sql, params)),
        }
    }
}

/// SQLite would store it, and the rows could not be moved to PostgreSQL.
fn refuse_nul(params: &[Param<'_>]) -> Result<(), StoreError> {
    let has_nul = params.iter().any(|param| matches!(param, Param::Text(text) if text.contains('\0')));
    if has_nul { Err(StoreError::Nul) } else { Ok(()) }
}

/// Most values that one list takes; longer ones are cut up by [`chunks`].
pub(crate) const LIST_MAX: usize = 256;

/// The items in pieces that a [`List`] takes.
pub(crate) fn chunks<T>(items: &[T]) -> std::slice::Chunks<'_, T> {
    items.chunks(LIST_MAX)
}

/// Numbers the placeholders of a list of `count` values from `first` on: `?3, ?4, ?5, ?5`. The count is padded to a
/// power of two, so that few texts exist and each stays prepared.
pub(crate) fn list(first: usize, count: usize) -> String {
    let numbers: Vec<String> = (0..count.next_power_of_two()).map(|at| format!("?{}", first + at)).collect();
    numbers.join(", ")
}

/// Appends the values of a list to the parameters, padded as [`list`] counts them, by repeating the last.
pub(crate) fn push_list<'p, T: ToParam>(params: &mut Vec<Param<'p>>, values: &'p [T]) {
    let padding = values.len().next_power_of_two() - values.len();
    let last = values.last().into_iter().cycle().take(padding);
    params.extend(values.iter().chain(last).map(ToParam::to_param));
}

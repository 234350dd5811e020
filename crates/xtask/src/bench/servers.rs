//! The servers of a run. They end when this is dropped.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::Result;

use super::content::{REPOSITORY, Shelf};
use super::floor::Floor;
use super::lists::MANY;
use super::measure::Measure;
use super::postgres::Postgres;
use super::rivals::{self, Rivals};
use super::side::{Case, Side};
use super::tls::Tls;
use super::{Options, caller};
use crate::running::Wharf;
use crate::workspace;

/// The rates of the operations that fill a server and that are measured. They are set to the highest value.
const RATES: [&str; 6] = [
    "WHARF__RATES__BATCH_CHECK_LAYER_AVAILABILITY",
    "WHARF__RATES__BATCH_GET_IMAGE",
    "WHARF__RATES__COMPLETE_LAYER_UPLOAD",
    "WHARF__RATES__INITIATE_LAYER_UPLOAD",
    "WHARF__RATES__PUT_IMAGE",
    "WHARF__RATES__UPLOAD_LAYER_PART",
];

/// All servers of a run.
pub(crate) struct Servers {
    wharf: Option<Wharf>,
    log_off: Option<Wharf>,
    with_events: Option<Wharf>,
    with_rates: Option<Wharf>,
    on_postgres: Option<(Wharf, Postgres)>,
    tls: Option<Tls>,
    floor: Option<Floor>,
    rivals: Option<Rivals>,
}

impl Servers {
    /// Starts those that the measures need, with their data below `folder`.
    pub(crate) fn start(options: &Options, folder: &Path, measures: &[Measure]) -> Result<Self> {
        let rivals = if options.alone { None } else { Some(rivals::start(folder)?) };
        let mut servers = Self {
            wharf: None,
            log_off: None,
            with_events: None,
            with_rates: None,
            on_postgres: None,
            tls: None,
            floor: None,
            rivals,
        };
        if options.rivals_only {
            return Ok(servers);
        }
        let binary = options.wharf.clone().map_or_else(|| workspace::build_wharf(true), Ok)?;
        // The log of the first one goes to a file, with a line for each request.
        servers.wharf = Some(with_repositories(Wharf::start_in(&binary, folder)?)?);
        let needs = |case| measures.iter().any(|measure| measure.case == case);
        if needs(Case::Postgres) {
            let postgres = Postgres::start()?;
            let url = postgres.url();
            let settings = [("WHARF__DATABASE__URL", OsStr::new(&url))];
            let wharf = Wharf::start_with(&binary, folder, &settings)?;
            servers.on_postgres = Some((with_repositories(wharf)?, postgres));
        }
        if needs(Case::LogOff) {
            let settings = [("WHARF_LOG", OsStr::new("info,wharf::access=off"))];
            let wharf = Wharf::start_with(&binary, folder, &settings)?;
            servers.log_off = Some(with_repositories(wharf)?);
        }
        if needs(Case::Events) {
            let file = folder.join("events.jsonl");
            let sinks = format!(r#"[{{ name = "bench", file = "{}" }}]"#, file.display());
            let settings = [("WHARF__EVENTS__SINKS", OsStr::new(&sinks))];
            let wharf = Wharf::start_with(&binary, folder, &settings)?;
            servers.with_events = Some(with_repositories(wharf)?);
        }
        if needs(Case::Rates) {
            let settings = RATES.map(|name| (name, OsStr::new("1000000")));
            let wharf = Wharf::start_with(&binary, folder, &settings)?;
            servers.with_rates = Some(with_repositories(wharf)?);
        }
        if needs(Case::Floor) {
            servers.floor = Some(Floor::start(folder)?);
        }
        if measures.iter().any(Measure::is_over_tls) {
            servers.tls = Some(Tls::start(&binary, folder)?);
        }
        Ok(servers)
    }

    /// The servers in the order of the columns.
    pub(crate) fn sides(&mut self) -> Result<Vec<Side>> {
        let mut sides = Vec::new();
        if let Some(wharf) = &self.wharf {
            let mut side = Side::wharf(wharf)?.with_tls(self.tls.take());
            if let Some(quiet) = &self.log_off {
                side = side.with_case(Case::LogOff, Side::wharf(quiet)?);
            }
            if let Some(wharf) = &self.with_events {
                side = side.with_case(Case::Events, Side::wharf(wharf)?);
            }
            if let Some(wharf) = &self.with_rates {
                side = side.with_case(Case::Rates, Side::wharf(wharf)?);
            }
            if let Some((wharf, _)) = &self.on_postgres {
                side = side.with_case(Case::Postgres, Side::wharf(wharf)?);
            }
            if let Some(floor) = &self.floor {
                side = side.with_case(Case::Floor, floor.side());
            }
            let other = side.for_caller(caller::of_another_account(wharf)?);
            sides.push(side.with_case(Case::OtherAccount, other));
        }
        sides.extend(self.rivals.iter().flat_map(Rivals::sides));
        Ok(sides)
    }

    /// Stores the content on all of them.
    pub(crate) fn fill(&self, sides: &[Side]) -> Result<Shelf> {
        let with_own_data = [Case::Usual, Case::LogOff, Case::Events, Case::Rates, Case::Postgres];
        let all = sides.iter().flat_map(|side| with_own_data.iter().filter_map(|case| side.case(*case)));
        Shelf::fill(&all.collect::<Vec<_>>(), self.rivals.as_ref().map(Rivals::nginx_root))
    }
}

fn with_repositories(wharf: Wharf) -> Result<Wharf> {
    for name in [REPOSITORY, MANY] {
        wharf.aws(&["ecr", "create-repository", "--repository-name", name])?;
    }
    Ok(wharf)
}

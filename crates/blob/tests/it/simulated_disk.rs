//! A disk whose power can be cut. It writes to a real folder, which the store reads, and records what a power cut could
//! undo.
//!
//! A cut leaves the worst state that POSIX allows. A name survives for certain only if its folder was synced after the
//! name was created. A write or a change of length survives for certain only if the file was synced after it. Every
//! other change may survive or not, independently of the others, and a write may survive in part.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use blob::disk::{Disk, DiskFile, LocalDisk};

/// What happens to changes that were not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unsynced {
    Lost,
    Kept,
    /// Each is lost, kept or torn, at random.
    Chance(u64),
}

#[derive(Clone)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

struct State {
    root: PathBuf,
    /// The number of calls that still succeed; the next one fails because the power is off.
    calls_left: u64,
    calls: u64,
    nodes: Vec<Node>,
    /// The current state.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<NameChange>,
}

#[derive(Default)]
struct Node {
    is_folder: bool,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

struct NameChange {
    path: PathBuf,
    /// None: the name was removed.
    node: Option<usize>,
}

enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Len(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Len(len) => content.resize(*len, 0),
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

impl SimulatedDisk {
    /// A disk for everything below `root`, which exists. What is in it now is durable.
    pub(crate) fn new(root: &Path) -> Self {
        let mut state = State {
            root: root.to_owned(),
            calls_left: u64::MAX,
            calls: 0,
            nodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
        };
        state.adopt(root);
        Self(Arc::new(Mutex::new(state)))
    }

    /// Cuts the power after `calls` more calls.
    pub(crate) fn cut_after(&self, calls: u64) {
        self.0.lock().unwrap().calls_left = calls;
    }

    /// The number of calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }

    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.0.lock().unwrap();
        if state.calls_left == 0 {
            return Err(io::Error::other("the power is cut"));
        }
        state.calls_left -= 1;
        state.calls += 1;
        Ok(state)
    }

    /// Writes into `folder` what the machine may find when the power is on again.
    pub(crate) fn survivors(&self, unsynced: Unsynced, folder: &Path) {
        let state = self.0.lock().unwrap();
        let mut dice = Dice(unsynced);
        let mut names = state.durable_names.clone();
        for change in &state.unsynced_names {
            if dice.keeps() {
                change.apply(&mut names);
            }
        }
        // In the order of paths: a folder comes before its content. Without the folder its content cannot be reached.
        for (path, node) in names {
            let target = folder.join(path.strip_prefix(&state.root).unwrap());
            if !target.parent().unwrap().is_dir() {
                continue;
            }
            let node = &state.nodes[node];
            if node.is_folder {
                fs::create_dir(target).unwrap();
            } else {
                fs::write(target, node.survivor(&mut dice)).unwrap();
            }
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self.node {
            Some(node) => names.insert(self.path.clone(), node),
            None => names.remove(&self.path),
        };
    }
}

impl Node {
    fn survivor(&self, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.durable.clone();
        for change in &self.unsynced {
            if dice.keeps() {
                change.apply(&mut content);
            } else if let (true, Change::Write { offset, bytes }) = (dice.tears(), change) {
                let torn = Change::Write { offset: *offset, bytes: bytes[..bytes.len() / 2].to_vec() };
                torn.apply(&mut content);
            }
        }
        content
    }
}

struct Dice(Unsynced);

impl Dice {
    fn keeps(&mut self) -> bool {
        match self.0 {
            Unsynced::Lost => false,
            Unsynced::Kept => true,
            Unsynced::Chance(_) => self.roll(),
        }
    }

    fn tears(&mut self) -> bool {
        matches!(self.0, Unsynced::Chance(_)) && self.roll()
    }

    fn roll(&mut self) -> bool {
        let Unsynced::Chance(state) = &mut self.0 else { return false };
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 63 == 1
    }
}

impl State {
    fn make(&mut self, path: &Path, is_folder: bool) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { is_folder, ..Node::default() });
        self.names.insert(path.to_owned(), node);
        self.unsynced_names.push(NameChange { path: path.to_owned(), node: Some(node) });
        node
    }

    fn node(&self, path: &Path) -> Option<usize> {
        self.names.get(path).copied()
    }

    /// Adds the content of a folder; all of it is durable.
    fn adopt(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_folder = path.is_dir();
            let durable = if is_folder { Vec::new() } else { fs::read(&path).unwrap() };
            self.names.insert(path.clone(), self.nodes.len());
            self.durable_names.insert(path.clone(), self.nodes.len());
            self.nodes.push(Node { is_folder, durable, unsynced: Vec::new() });
            if is_folder {
                self.adopt(&path);
            }
        }
    }
}

impl Disk for SimulatedDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        if state.node(path).is_none() {
            LocalDisk.make_folder(path)?;
            state.make(path, true);
        }
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.call()?;
        let changes = std::mem::take(&mut state.unsynced_names);
        for change in changes {
            if change.path.parent() == Some(path) {
                change.apply(&mut state.durable_names);
            } else {
                state.unsynced_names.push(change);
            }
        }
        Ok(())
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.call()?;
        let known = state.node(path);
        let real = LocalDisk.open(path, create)?;
        let node = known.unwrap_or_else(|| state.make(path, false));
        Ok(Arc::new(SimulatedFile { disk: self.clone(), node, real }))
    }

    fn create_private(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.open(path, true)?;
        file.set_len(0)?;
        Ok(file)
    }

    /// The old name can survive beside the new one.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        LocalDisk.rename(from, to)?;
        let node = state.names.remove(from);
        state.names.extend(node.map(|node| (to.to_owned(), node)));
        state.unsynced_names.push(NameChange { path: to.to_owned(), node });
        state.unsynced_names.push(NameChange { path: from.to_owned(), node: None });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        LocalDisk.remove(path)?;
        state.names.remove(path);
        state.unsynced_names.push(NameChange { path: path.to_owned(), node: None });
        Ok(())
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    node: usize,
    real: Arc<dyn DiskFile>,
}

impl SimulatedFile {
    fn change(&self, state: &mut State, change: Change) {
        state.nodes[self.node].unsynced.push(change);
    }
}

impl DiskFile for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        let _state = self.disk.call()?;
        self.real.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.call()?;
        self.real.set_len(len)?;
        self.change(&mut state, Change::Len(len as usize));
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.call()?;
        self.real.write_all_at(bytes, offset)?;
        self.change(&mut state, Change::Write { offset: offset as usize, bytes: bytes.to_vec() });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.call()?;
        let node = &mut state.nodes[self.node];
        for change in std::mem::take(&mut node.unsynced) {
            change.apply(&mut node.durable);
        }
        Ok(())
    }
}

//! Copies repositories between registries and folders: `wharf import` and `wharf export`.
//!
//! A [`source::Source`] is read, a [`target::Target`] is written, and [`transfer`] decides what has to move. What the target
//! has is asked of the target, so an interrupted copy continues without a file that records its progress. Bytes are
//! verified while they are read (`upstream`, [`reader`]), and again by the registry that gets them.

pub(crate) mod docker_config;
mod error;
mod folder;
mod image;
mod layout;
mod layout_writer;
pub(crate) mod pattern;
mod progress;
mod reader;
pub(crate) mod report;
mod repository;
mod retry;
pub(crate) mod settings;
pub(crate) mod source;
mod storage;
pub(crate) mod target;
pub(crate) mod transfer;
mod wharf_target;

pub(crate) use error::CopyError;

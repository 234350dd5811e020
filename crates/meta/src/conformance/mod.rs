//! The suite that every driver must pass, as library code.

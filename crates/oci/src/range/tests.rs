//! Good and bad cases.

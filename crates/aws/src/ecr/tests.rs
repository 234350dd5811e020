//! What a request body must and must not hold.

//! What is sent to a warehouse, word for word.

mod golden;
mod grants;
mod sample;

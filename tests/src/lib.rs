pub mod cluster;
pub mod processes;
pub mod published;
pub mod s3;

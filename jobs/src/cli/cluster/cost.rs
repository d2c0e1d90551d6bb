//! `cinemill cluster cost`.

use cinemill_engine::error::Result;
use clap::Args;

#[derive(Debug, Args)]
pub struct CostArguments {}

pub async fn cost(_arguments: CostArguments) -> Result<()> {
    Ok(())
}

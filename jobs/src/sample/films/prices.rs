//! `CUSR0000SS62031.csv`: the price of a ticket, month by month, as FRED serves it.

use cinemill_engine::error::Result;

use super::Lines;
use crate::sample::random::Dice;

const FIRST_YEAR: u32 = 1999;
const LAST_YEAR: u32 = 2021;
/// A month without a value, which FRED writes as a point.
const GAP: (u32, u32) = (2020, 4);

pub(super) fn write(lines: &mut Lines, dice: &mut Dice) -> Result<()> {
    lines.header("DATE,CUSR0000SS62031\n");
    let mut thousandths = 100_000;
    for year in FIRST_YEAR..=LAST_YEAR {
        for month in 1..=12 {
            thousandths += dice.between(0, 700);
            thousandths -= dice.below(120);
            let value = match (year, month) == GAP {
                true => ".".to_owned(),
                false => format!("{}.{:03}", thousandths / 1000, thousandths % 1000),
            };
            lines.row(&format!("{year}-{month:02}-01,{value}\n"))?;
        }
    }
    Ok(())
}

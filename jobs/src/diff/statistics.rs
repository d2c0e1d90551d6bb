//! What the statistics in two runs' records say of a table.

use cinemill_engine::sink::statistics::{ColumnSummary, TableStatistics};
use serde_json::{Value, json};

use super::StatisticsChange;

/// The figures that differ; none where one of the runs noted none.
pub fn changes(
    before: Option<&TableStatistics>,
    after: Option<&TableStatistics>,
) -> Vec<StatisticsChange> {
    let (Some(before), Some(after)) = (before, after) else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    for new in &after.columns {
        let Some(old) = before.columns.iter().find(|old| old.column == new.column) else {
            continue;
        };
        for ((figure, before), (_, after)) in figures(old).into_iter().zip(figures(new)) {
            if before != after {
                changes.push(StatisticsChange {
                    column: new.column.clone(),
                    figure,
                    before,
                    after,
                });
            }
        }
    }
    changes
}

fn figures(column: &ColumnSummary) -> [(&'static str, Value); 4] {
    [
        ("nulls", json!(column.nulls)),
        ("distinct", json!(column.distinct)),
        ("min", json!(column.min)),
        ("max", json!(column.max)),
    ]
}

//! Which relations are worth a checkpoint.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;

use crate::run::planner::PlannedRelation;

/// The relations to be kept, in the order in which they are to be made.
///
/// A relation is kept where an exchange lies before it and another one behind it, and where the
/// inputs of which it is made, without what an earlier checkpoint holds, have at least `bytes_min`
/// bytes (unpacked): less work than that is done again more cheaply than it is stored.
///
/// `relations` come each after those that it reads; `input_bytes` has the unpacked size of each
/// input.
pub fn choose(
    relations: &[PlannedRelation],
    output: &str,
    input_bytes: &BTreeMap<String, u64>,
    bytes_min: u64,
) -> Result<Vec<String>> {
    let nodes: Vec<Node> = relations
        .iter()
        .map(|(name, plan)| Node::new(name, plan))
        .collect::<Result<_>>()?;
    let mut chosen: Vec<String> = Vec::new();
    let mut work: BTreeMap<&str, Work> = BTreeMap::new();
    for node in &nodes {
        let mut sum = Work {
            inputs: BTreeSet::new(),
            exchange: node.exchange,
        };
        for table in &node.tables {
            if input_bytes.contains_key(table) {
                sum.inputs.insert(table.clone());
            } else if let Some(before) =
                work.get(table.as_str()).filter(|_| !chosen.contains(table))
            {
                sum.inputs.extend(before.inputs.iter().cloned());
                sum.exchange |= before.exchange;
            }
        }
        let bytes: u64 = sum.inputs.iter().map(|input| input_bytes[input]).sum();
        if node.name != output
            && sum.exchange
            && bytes >= bytes_min
            && exchange_behind(&nodes, node.name)
        {
            chosen.push(node.name.to_owned());
        }
        work.insert(node.name, sum);
    }
    Ok(chosen)
}

/// A relation's own query.
struct Node<'a> {
    name: &'a str,
    /// The inputs and relations that it reads.
    tables: BTreeSet<String>,
    /// Whether rows must change place for it.
    exchange: bool,
}

/// What it takes to make a relation's rows from inputs and checkpoints.
struct Work {
    inputs: BTreeSet<String>,
    exchange: bool,
}

impl<'a> Node<'a> {
    fn new(name: &'a str, plan: &LogicalPlan) -> Result<Self> {
        let mut node = Self {
            name,
            tables: BTreeSet::new(),
            exchange: false,
        };
        plan.apply_with_subqueries(|plan| {
            match plan {
                LogicalPlan::TableScan(scan) => {
                    node.tables.insert(scan.table_name.table().to_owned());
                }
                LogicalPlan::Join(_)
                | LogicalPlan::Aggregate(_)
                | LogicalPlan::Window(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::Distinct(_) => node.exchange = true,
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(node)
    }
}

/// Whether a relation that reads this one, directly or not, moves rows once more.
fn exchange_behind(nodes: &[Node], name: &str) -> bool {
    nodes
        .iter()
        .filter(|node| node.tables.contains(name))
        .any(|node| node.exchange || exchange_behind(nodes, node.name))
}

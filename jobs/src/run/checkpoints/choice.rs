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
    outputs: &[&str],
    input_bytes: &BTreeMap<String, u64>,
    bytes_min: u64,
) -> Result<Vec<String>> {
    let nodes: Vec<Node> = relations
        .iter()
        .map(|(name, plan)| Node::new(name, plan, relations))
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
        if !outputs.contains(&node.name)
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
    fn new(name: &'a str, plan: &LogicalPlan, relations: &[PlannedRelation]) -> Result<Self> {
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
                // The query of another relation, which the planner has put in the place of its name.
                LogicalPlan::SubqueryAlias(alias)
                    if relations
                        .iter()
                        .any(|(other, _)| other == alias.alias.table()) =>
                {
                    node.tables.insert(alias.alias.table().to_owned());
                    return Ok(TreeNodeRecursion::Jump);
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::job::{JobDefinition, Relation};
    use crate::run::{Embedded, Planner, RunOptions, RunRequest, inputs_without_files};
    use cinemill_engine::store::Location;

    const JOB: &str = "[inputs.a]\nfile = \"a.tsv\"\nformat = \"imdb\"\nschema = \"x STRING, y INT\"\n\
                       [inputs.b]\nfile = \"b.tsv\"\nformat = \"imdb\"\nschema = \"x STRING, z INT\"\n\
                       [output]\nrelation = \"last\"\n";

    /// What is kept of a job with these relations, over 100 bytes of `a` and 10 of `b`.
    async fn chosen(relations: &[(&str, &str)], bytes_min: u64) -> Vec<String> {
        let relation = |(name, sql): &(&str, &str)| Relation {
            name: (*name).into(),
            sql: (*sql).into(),
        };
        let relations: Vec<Relation> = relations.iter().map(relation).collect();
        let job = JobDefinition::parse("j", JOB, relations).unwrap();
        let request = RunRequest {
            run_id: "r".into(),
            job,
            input: None,
            inputs: BTreeMap::new(),
            output: Location::parse("out").unwrap(),
            params: BTreeMap::new(),
            options: RunOptions::default(),
        };
        let inputs = inputs_without_files(&request).unwrap();
        let backend = Embedded::new(None, None).unwrap();
        let planner = Planner::new(&request, &backend);
        let session = planner.session(&inputs).await.unwrap();
        let planned = planner.relations(&session, &[]).await.unwrap();
        let bytes = BTreeMap::from([("a".to_owned(), 100), ("b".to_owned(), 10)]);
        choose(&planned, &["last"], &bytes, bytes_min).unwrap()
    }

    const COUNTED: (&str, &str) = ("counted", "SELECT x, count(*) AS n FROM a GROUP BY x");
    const JOINED: (&str, &str) = (
        "joined",
        "SELECT counted.x, n, z FROM counted JOIN b ON b.x = counted.x",
    );
    const SORTED: (&str, &str) = ("last", "SELECT * FROM joined ORDER BY x");

    #[tokio::test]
    async fn what_lies_between_two_exchanges_is_kept() {
        let relations = [COUNTED, JOINED, SORTED];
        assert_eq!(chosen(&relations, 0).await, ["counted", "joined"]);
        let all_in_one = [("last", "SELECT x, count(*) AS n FROM a GROUP BY x")];
        assert!(chosen(&all_in_one, 0).await.is_empty());
        let nothing_behind = [COUNTED, ("last", "SELECT x, n + 1 AS m FROM counted")];
        assert!(chosen(&nothing_behind, 0).await.is_empty());
        let nothing_before = [
            ("renamed", "SELECT x AS w, y FROM a"),
            ("last", "SELECT w, max(y) AS y FROM renamed GROUP BY w"),
        ];
        assert!(chosen(&nothing_before, 0).await.is_empty());
    }

    #[tokio::test]
    async fn little_work_is_not_kept() {
        let relations = [COUNTED, JOINED, SORTED];
        // `joined` adds the 10 bytes of `b` to what `counted` holds already.
        assert_eq!(chosen(&relations, 10).await, ["counted", "joined"]);
        assert_eq!(chosen(&relations, 11).await, ["counted"]);
        // Without a checkpoint of `counted` there is all of its work before `joined`.
        assert_eq!(chosen(&relations, 101).await, ["joined"]);
        assert!(chosen(&relations, 111).await.is_empty());
    }
}

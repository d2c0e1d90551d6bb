use std::collections::BTreeSet;

use super::*;
use crate::lineage::{ColumnLineage, TableLineage};

fn table(name: &str, is_input: bool, columns: &[(&str, &[(&str, &str)])]) -> TableLineage {
    let reference = |(table, column): &(&str, &str)| ColumnRef {
        table: (*table).to_owned(),
        column: (*column).to_owned(),
    };
    let columns = columns.iter().map(|(name, from)| ColumnLineage {
        name: (*name).to_owned(),
        kind: "int".to_owned(),
        from: from.iter().map(reference).collect(),
    });
    TableLineage {
        name: name.to_owned(),
        is_input,
        columns: columns.collect(),
        rows_from: BTreeSet::new(),
    }
}

fn nodes_overlap(nodes: &[Node]) -> bool {
    nodes.iter().enumerate().any(|(index, node)| {
        nodes[index + 1..].iter().any(|other| {
            let apart_x = node.x + node.width < other.x || other.x + other.width < node.x;
            let apart_y =
                node.y + layout::height(node) < other.y || other.y + layout::height(other) < node.y;
            !apart_x && !apart_y
        })
    })
}

#[test]
fn a_relation_that_others_read_is_drawn_beside_its_output() {
    let lineage = Lineage {
        tables: vec![
            table("a", true, &[("x", &[]), ("<y>", &[])]),
            table("b", true, &[("z", &[])]),
            table("r", false, &[("p", &[("a", "x")])]),
            table(
                "s",
                false,
                &[("q", &[("r", "p"), ("a", "<y>"), ("b", "z")])],
            ),
        ],
    };
    let published = ["r", "s"].map(|name| Published {
        name,
        relation: name,
    });
    let mut nodes = nodes(&lineage, &published);
    let (width, height) = layout::place(&mut nodes);
    let kinds: Vec<_> = nodes
        .iter()
        .map(|node| (node.title.as_str(), node.kind.name()))
        .collect();
    let expected = [
        ("a", "input"),
        ("b", "input"),
        ("r", "relation"),
        ("s", "output"),
        ("r", "output"),
    ];
    assert_eq!(kinds, expected);
    assert!(!nodes_overlap(&nodes));
    let fits = |node: &Node| node.x + node.width < width && node.y + layout::height(node) < height;
    assert!(nodes.iter().all(fits));
    let graph = Graph::of(&lineage, &published);
    let (p, q) = (
        graph.column("r", "p").unwrap(),
        graph.column("s", "q").unwrap(),
    );
    assert!(
        graph
            .svg
            .contains(&format!("data-from=\"c3\" data-to=\"c{p}\"")),
        "{}",
        graph.svg
    );
    assert_eq!(graph.svg.matches(&format!("data-to=\"c{q}\"")).count(), 3);
    assert!(graph.svg.contains("a.&lt;y&gt;") && !graph.svg.contains("<y>"));
    assert_eq!(graph.column("a", "x"), None);
}

//! The lineage of a job as a picture: inputs on the left, outputs on the right, a line from each
//! column to those that are made of it. `templates/graph.js` lets the reader follow one column.

mod layout;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::text::escape;
use crate::lineage::{ColumnRef, Lineage};

/// A published table: its name, and the relation whose rows it has.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    pub name: &'a str,
    pub relation: &'a str,
}

/// A table in the picture. Sizes are in pixels.
struct Node {
    title: String,
    kind: Kind,
    layer: usize,
    columns: Vec<NodeColumn>,
    /// What decides on its rows, by the number of the column.
    rows_from: Vec<usize>,
    x: f64,
    y: f64,
    width: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    Relation,
    Output,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Relation => "relation",
            Self::Output => "output",
        }
    }
}

struct NodeColumn {
    /// Its number in the whole picture.
    id: usize,
    name: String,
    kind: String,
    from: Vec<usize>,
}

/// The picture, and where each column of an output is in it.
pub struct Graph {
    pub svg: String,
    /// The number of a column by the table's name and its own.
    outputs: BTreeMap<(String, String), usize>,
}

impl Graph {
    pub fn of(lineage: &Lineage, published: &[Published<'_>]) -> Self {
        let mut nodes = nodes(lineage, published);
        let size = layout::place(&mut nodes);
        let outputs = nodes.iter().filter(|node| node.kind == Kind::Output);
        let outputs = outputs.flat_map(|node| {
            let columns = node.columns.iter();
            columns.map(|column| ((node.title.clone(), column.name.clone()), column.id))
        });
        Self {
            outputs: outputs.collect(),
            svg: draw(&nodes, size),
        }
    }

    /// The number of an output's column.
    pub fn column(&self, table: &str, column: &str) -> Option<usize> {
        let key = (table.to_owned(), column.to_owned());
        self.outputs.get(&key).copied()
    }
}

/// A relation that is published and that no other relation reads is drawn as the output; else the
/// output is a table of its own that has the relation's columns.
fn nodes(lineage: &Lineage, published: &[Published<'_>]) -> Vec<Node> {
    let depths = lineage.depths();
    let last = depths.values().max().map_or(1, |depth| depth + 1);
    let mut nodes = Vec::new();
    let mut ids: BTreeMap<ColumnRef, usize> = BTreeMap::new();
    let mut next = 0;
    for table in &lineage.tables {
        let is_read = lineage.tables.iter().any(|other| {
            let mut used = other.columns.iter().flat_map(|column| &column.from);
            used.any(|from| from.table == table.name)
                || other.rows_from.iter().any(|from| from.table == table.name)
        });
        let mut tables = published
            .iter()
            .filter(|output| output.relation == table.name);
        let as_output = match (tables.next(), tables.next()) {
            (Some(only), None) if !is_read && !table.is_input => Some(only.name),
            _ => None,
        };
        let mut columns = Vec::new();
        for column in &table.columns {
            let from = column.from.iter().filter_map(|from| ids.get(from).copied());
            columns.push(NodeColumn {
                id: next,
                name: column.name.clone(),
                kind: column.kind.clone(),
                from: from.collect(),
            });
            next += 1;
        }
        let rows_from = table.rows_from.iter();
        let rows_from = rows_from
            .filter_map(|from| ids.get(from).copied())
            .collect();
        let kind = match as_output {
            Some(_) => Kind::Output,
            None if table.is_input => Kind::Input,
            None => Kind::Relation,
        };
        for (column, drawn) in table.columns.iter().zip(&columns) {
            let key = ColumnRef {
                table: table.name.clone(),
                column: column.name.clone(),
            };
            ids.insert(key, drawn.id);
        }
        let title = as_output.unwrap_or(&table.name).to_owned();
        let layer = match kind {
            Kind::Output => last,
            _ => depths.get(table.name.as_str()).copied().unwrap_or(0),
        };
        nodes.push(Node::new(title, kind, layer, columns, rows_from));
    }
    for output in published {
        let is_drawn = |node: &Node| node.kind == Kind::Output && node.title == output.name;
        if nodes.iter().any(is_drawn) {
            continue;
        }
        let Some(table) = lineage.table(output.relation) else {
            continue;
        };
        let mut columns = Vec::new();
        for column in &table.columns {
            let key = ColumnRef {
                table: table.name.clone(),
                column: column.name.clone(),
            };
            columns.push(NodeColumn {
                id: next,
                name: column.name.clone(),
                kind: column.kind.clone(),
                from: ids.get(&key).copied().into_iter().collect(),
            });
            next += 1;
        }
        nodes.push(Node::new(
            output.name.to_owned(),
            Kind::Output,
            last,
            columns,
            Vec::new(),
        ));
    }
    nodes
}

impl Node {
    fn new(
        title: String,
        kind: Kind,
        layer: usize,
        columns: Vec<NodeColumn>,
        rows_from: Vec<usize>,
    ) -> Self {
        Self {
            title,
            kind,
            layer,
            columns,
            rows_from,
            x: 0.0,
            y: 0.0,
            width: 0.0,
        }
    }
}

fn draw(nodes: &[Node], (width, height): (f64, f64)) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"group\" \
         aria-label=\"Lineage of columns\">\n<g class=\"edges\">\n"
    );
    let mut ends = BTreeMap::new();
    for node in nodes {
        for (index, column) in node.columns.iter().enumerate() {
            let y = layout::column_middle(node, index);
            ends.insert(column.id, (node.x + node.width, y));
        }
    }
    let mut edge = |from: usize, to: &str, (x, y): (f64, f64), class: &str| {
        if let Some((from_x, from_y)) = ends.get(&from) {
            let path = layout::curve((*from_x, *from_y), (x, y));
            // Writing to a string cannot fail.
            let _ = writeln!(
                svg,
                "<path class=\"{class}\" data-from=\"c{from}\" data-to=\"{to}\" d=\"{path}\"/>"
            );
        }
    };
    for (number, node) in nodes.iter().enumerate() {
        for from in &node.rows_from {
            let end = (node.x, layout::title_middle(node));
            edge(*from, &format!("t{number}"), end, "rows");
        }
        for (index, column) in node.columns.iter().enumerate() {
            let end = (node.x, layout::column_middle(node, index));
            let to = format!("c{}", column.id);
            column
                .from
                .iter()
                .for_each(|from| edge(*from, &to, end, "values"));
        }
    }
    svg += "</g>\n";
    for (number, node) in nodes.iter().enumerate() {
        svg += &draw_node(number, node);
    }
    svg + "</svg>"
}

fn draw_node(number: usize, node: &Node) -> String {
    let (x, y, width) = (node.x, node.y, node.width);
    let title = escape(&layout::cut(&node.title));
    let (kind, full) = (node.kind.name(), escape(&node.title));
    let mut svg = format!(
        "<g class=\"table {kind}\" data-layer=\"{layer}\">\n\
         <rect class=\"box\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" rx=\"6\"/>\n\
         <g class=\"title\" id=\"t{number}\" tabindex=\"-1\" role=\"button\" data-name=\"{full}\" \
         aria-label=\"{kind} {full}\">\
         <rect class=\"hit\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{title_height:.0}\" rx=\"6\"/>\
         <text x=\"{text_x:.0}\" y=\"{text_y:.1}\">{title}</text></g>\n",
        layer = node.layer,
        height = layout::height(node),
        title_height = layout::TITLE,
        text_x = x + layout::PADDING,
        text_y = layout::title_middle(node),
    );
    for (index, column) in node.columns.iter().enumerate() {
        let middle = layout::column_middle(node, index);
        let (name, column_kind) = (escape(&layout::cut(&column.name)), escape(&column.kind));
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<g class=\"column\" id=\"c{id}\" tabindex=\"-1\" role=\"button\" data-table=\"t{number}\" \
             data-name=\"{full}.{whole}\" aria-label=\"{full}.{whole}\"><title>{whole} {column_kind}</title>\
             <rect class=\"hit\" x=\"{x:.0}\" y=\"{top:.1}\" width=\"{width:.0}\" height=\"{row:.0}\"/>\
             <text x=\"{text_x:.0}\" y=\"{middle:.1}\">{name}</text></g>",
            id = column.id,
            whole = escape(&column.name),
            top = middle - layout::ROW / 2.0,
            row = layout::ROW,
            text_x = x + layout::PADDING,
        );
    }
    svg + "</g>\n"
}

#[cfg(test)]
mod tests;

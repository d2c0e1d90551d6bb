//! Where tables stand: in layers from left to right, ordered so that lines cross little.

use std::collections::BTreeMap;

use super::Node;

pub const TITLE: f64 = 26.0;
pub const ROW: f64 = 20.0;
pub const PADDING: f64 = 10.0;
/// Of a character of the page's monospaced font at 12 pixels.
const CHARACTER: f64 = 7.3;
const TEXT_MAX: usize = 30;
/// Between layers: as much as fills the page, within these.
const GAP_MIN: f64 = 90.0;
const GAP_MAX: f64 = 200.0;
const PAGE: f64 = 1130.0;
const GAP_TABLES: f64 = 22.0;
const MARGIN: f64 = 8.0;
/// How far a short layer moves towards the middle of a tall one; no farther, so that it is in sight.
const SHIFT_MAX: f64 = 140.0;
const WIDTH_MIN: f64 = 120.0;

/// Gives each table its place; returns the width and height of the picture.
pub fn place(nodes: &mut [Node]) -> (f64, f64) {
    for node in nodes.iter_mut() {
        let names = node.columns.iter().map(|column| column.name.as_str());
        let longest = names
            .chain([node.title.as_str()])
            .map(|name| cut(name).chars().count());
        let longest = longest.max().unwrap_or(0) as f64;
        node.width = (longest * CHARACTER + 2.0 * PADDING).max(WIDTH_MIN);
    }
    let layers = layers(nodes);
    let right = place_layers(nodes, &layers);
    for layer in &layers {
        stack(nodes, layer);
    }
    // First from left to right by what tables are made of, then the inputs by where it goes.
    for layer in layers.iter().skip(1) {
        order(nodes, layer, sources_middle);
    }
    for layer in layers.iter().rev().skip(1) {
        order(nodes, layer, targets_middle);
    }
    for layer in layers.iter().skip(1) {
        order(nodes, layer, sources_middle);
    }
    let heights = layers.iter().map(|layer| bottom(nodes, layer));
    let tallest = heights.fold(0.0, f64::max);
    for layer in &layers {
        let shift = ((tallest - bottom(nodes, layer)) / 2.0).min(SHIFT_MAX);
        layer.iter().for_each(|&node| nodes[node].y += shift);
    }
    (right + MARGIN, tallest + MARGIN)
}

/// The numbers of the nodes of each layer that has any.
fn layers(nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut layers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, node) in nodes.iter().enumerate() {
        layers.entry(node.layer).or_default().push(number);
    }
    layers.into_values().collect()
}

fn place_layers(nodes: &mut [Node], layers: &[Vec<usize>]) -> f64 {
    let width = |nodes: &[Node], layer: &[usize]| {
        let widths = layer.iter().map(|&node| nodes[node].width);
        widths.fold(0.0, f64::max)
    };
    let boxes: f64 = layers.iter().map(|layer| width(nodes, layer)).sum();
    let gaps = layers.len().saturating_sub(1).max(1) as f64;
    let gap = ((PAGE - 2.0 * MARGIN - boxes) / gaps).clamp(GAP_MIN, GAP_MAX);
    let mut x = MARGIN;
    for layer in layers {
        let widest = width(nodes, layer);
        for &node in layer {
            nodes[node].x = x;
            nodes[node].width = widest;
        }
        x += widest + gap;
    }
    x - gap
}

fn stack(nodes: &mut [Node], layer: &[usize]) {
    let mut y = MARGIN;
    for &node in layer {
        nodes[node].y = y;
        y += height(&nodes[node]) + GAP_TABLES;
    }
}

fn bottom(nodes: &[Node], layer: &[usize]) -> f64 {
    let bottoms = layer
        .iter()
        .map(|&node| nodes[node].y + height(&nodes[node]));
    bottoms.fold(0.0, f64::max)
}

/// Puts the tables of a layer into the order of a height, and stacks them anew.
fn order(nodes: &mut [Node], layer: &[usize], wanted: fn(&[Node], usize) -> Option<f64>) {
    let mut sorted: Vec<(f64, usize)> = layer
        .iter()
        .map(|&node| (wanted(nodes, node).unwrap_or(nodes[node].y), node))
        .collect();
    sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
    let sorted: Vec<usize> = sorted.into_iter().map(|(_, node)| node).collect();
    stack(nodes, &sorted);
}

/// The mean height of the columns that a table is made of.
fn sources_middle(nodes: &[Node], number: usize) -> Option<f64> {
    let heights = heights(nodes);
    let node = &nodes[number];
    let from = node.columns.iter().flat_map(|column| &column.from);
    mean(
        from.chain(&node.rows_from)
            .filter_map(|id| heights.get(id).copied()),
    )
}

/// The mean height of the columns that are made of a table.
fn targets_middle(nodes: &[Node], number: usize) -> Option<f64> {
    let own: Vec<usize> = nodes[number]
        .columns
        .iter()
        .map(|column| column.id)
        .collect();
    let targets = nodes.iter().flat_map(|node| {
        let columns = node.columns.iter().enumerate();
        columns.flat_map(move |(index, column)| {
            let middle = column_middle(node, index);
            column.from.iter().map(move |from| (*from, middle))
        })
    });
    mean(
        targets
            .filter(|(from, _)| own.contains(from))
            .map(|(_, middle)| middle),
    )
}

fn heights(nodes: &[Node]) -> BTreeMap<usize, f64> {
    let columns = nodes.iter().flat_map(|node| {
        let columns = node.columns.iter().enumerate();
        columns.map(move |(index, column)| (column.id, column_middle(node, index)))
    });
    columns.collect()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

pub fn height(node: &Node) -> f64 {
    TITLE + ROW * node.columns.len() as f64 + 6.0
}

pub fn title_middle(node: &Node) -> f64 {
    node.y + TITLE / 2.0
}

pub fn column_middle(node: &Node, index: usize) -> f64 {
    node.y + TITLE + ROW * (index as f64 + 0.5)
}

/// A line that leaves and arrives level.
pub fn curve((x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> String {
    let bend = ((to_x - x) / 2.0).max(30.0);
    format!(
        "M{x:.0} {y:.0}C{:.0} {y:.0} {:.0} {to_y:.0} {to_x:.0} {to_y:.0}",
        x + bend,
        to_x - bend
    )
}

/// A name that fits into a box.
pub fn cut(name: &str) -> String {
    if name.chars().count() <= TEXT_MAX {
        return name.to_owned();
    }
    let start: String = name.chars().take(TEXT_MAX - 1).collect();
    format!("{start}…")
}

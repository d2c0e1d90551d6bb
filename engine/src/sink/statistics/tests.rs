use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray,
    StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Field, Int32Type};
use serde_json::json;

use super::*;

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Three standard errors, and one for rounding.
#[test]
fn the_estimate_keeps_its_bound() {
    let mut squares = 0.0;
    let mut estimates = 0;
    for seed in 0..20u64 {
        let mut sketch = Sketch::default();
        assert_eq!(sketch.estimate(), 0);
        for value in 1..=200_000u64 {
            sketch.add(mix(value ^ (seed << 40)));
            // A value that comes again changes nothing.
            sketch.add(mix(1 ^ (seed << 40)));
            if matches!(
                value,
                1 | 10 | 100 | 1_000 | 3_000 | 10_000 | 50_000 | 200_000
            ) {
                let off = sketch.estimate() as f64 / value as f64 - 1.0;
                let bound = if value <= 10 { 0.1 } else { 0.13 };
                assert!(off.abs() <= bound, "{value}: {off}");
                if value >= 1_000 {
                    squares += off * off;
                    estimates += 1;
                }
            }
        }
    }
    let deviation = (squares / f64::from(estimates)).sqrt();
    assert!((0.02..0.045).contains(&deviation), "{deviation}");
}

#[test]
fn sketches_of_parts_are_the_sketch_of_the_whole() {
    let mut whole = Sketch::default();
    let mut parts = vec![Sketch::default(); 3];
    for value in 0..5_000u64 {
        whole.add(mix(value));
        parts[(value % 3) as usize].add(mix(value));
        parts[(value % 2) as usize].add(mix(value));
    }
    let mut merged = parts.pop().unwrap();
    parts.iter().for_each(|part| merged.merge(part));
    assert_eq!(merged, whole);
}

#[test]
fn a_sketch_is_a_small_text_and_comes_back() {
    let mut sketch = Sketch::default();
    assert_eq!(String::from(sketch.clone()), "!1024!");
    for value in 0..100_000u64 {
        if value.is_power_of_two() || value == 99_999 {
            let text = serde_json::to_string(&sketch).unwrap();
            assert!(text.len() <= 1026, "{}", text.len());
            assert_eq!(serde_json::from_str::<Sketch>(&text).unwrap(), sketch);
        }
        sketch.add(mix(value));
    }
    sketch.add(0);
    let text = String::from(sketch.clone());
    assert_eq!(Sketch::try_from(text).unwrap(), sketch);
    for bad in ["", "!1025!", "!1023!", "!-1!", "!1023!~", "!1023!\u{20ac}"] {
        assert!(Sketch::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}

fn of(values: ArrayRef) -> ColumnSummary {
    let field = Field::new("c", values.data_type().clone(), true);
    let batch = RecordBatch::try_from_iter([("c", values)]).unwrap();
    // Two tasks, whose reports travel as JSON; a third one had no rows.
    let half = batch.num_rows() / 2;
    let task = |batch: RecordBatch| {
        let mut statistics = Vec::new();
        add_batch(&mut statistics, &batch);
        let json = serde_json::to_string(&statistics).unwrap();
        let back: Vec<ColumnStatistics> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, statistics);
        (batch.num_rows() as u64, back)
    };
    let tasks = [
        task(batch.slice(0, half)),
        task(batch.slice(half, batch.num_rows() - half)),
        (0, Vec::new()),
    ];
    let schema = Schema::new(vec![field]);
    let reports = tasks.iter().map(|(rows, all)| (*rows, all.as_slice()));
    let mut table = TableStatistics::of("t", &schema, reports);
    assert_eq!(table.rows, batch.num_rows() as u64);
    table.columns.remove(0)
}

fn told(summary: &ColumnSummary) -> (u64, Option<u64>, serde_json::Value, serde_json::Value) {
    let bound = |bound: &Option<serde_json::Value>| bound.clone().unwrap_or_default();
    (
        summary.nulls,
        summary.distinct,
        bound(&summary.min),
        bound(&summary.max),
    )
}

#[test]
fn each_type_has_its_bounds() {
    let texts = StringArray::from(vec![Some("b"), None, Some("é"), Some("a"), Some("b")]);
    assert_eq!(
        told(&of(Arc::new(texts))),
        (1, Some(3), json!("a"), json!("é"))
    );
    let numbers = Int64Array::from(vec![Some(i64::MIN), Some(i64::MAX), Some(0), None]);
    let least = json!(i64::MIN);
    assert_eq!(
        told(&of(Arc::new(numbers))),
        (1, Some(3), least, json!(i64::MAX))
    );
    let fractions = Float64Array::from(vec![0.0, -0.0, f64::NAN, -f64::NAN, 8.5, f64::INFINITY]);
    let infinite = json!("inf");
    assert_eq!(
        told(&of(Arc::new(fractions))),
        (0, Some(4), json!(0.0), infinite)
    );
    let truths = BooleanArray::from(vec![Some(true), None, Some(true)]);
    assert_eq!(
        told(&of(Arc::new(truths))),
        (1, Some(1), json!(true), json!(true))
    );
    let dates = Date32Array::from(vec![0, 10_957, -1]);
    let (first, last) = (json!("1969-12-31"), json!("2000-01-01"));
    assert_eq!(told(&of(Arc::new(dates))), (0, Some(3), first, last));
    let moments = TimestampMicrosecondArray::from(vec![1, 0]).with_timezone("+00:00");
    let (first, last) = (
        json!("1970-01-01T00:00:00Z"),
        json!("1970-01-01T00:00:00.000001Z"),
    );
    assert_eq!(told(&of(Arc::new(moments))), (0, Some(2), first, last));
    let decimals = Decimal128Array::from(vec![-150, 200]);
    let decimals = decimals.with_precision_and_scale(10, 2).unwrap();
    assert_eq!(
        told(&of(Arc::new(decimals))),
        (0, Some(2), json!("-1.50"), json!("2.00"))
    );
    let nothing = StringArray::from(vec![None::<&str>, None]);
    assert_eq!(
        told(&of(Arc::new(nothing))),
        (2, Some(0), json!(null), json!(null))
    );
    let lists = vec![Some(vec![Some(1)]), None];
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(lists);
    assert_eq!(
        told(&of(Arc::new(lists))),
        (1, None, json!(null), json!(null))
    );
}

#[test]
fn a_long_text_is_cut() {
    let long = "é".repeat(500);
    let summary = of(Arc::new(StringArray::from(vec![long.as_str()])));
    let cut = format!("{}…", "é".repeat(bound::TEXT_CHARS_MAX));
    assert_eq!(told(&summary), (0, Some(1), json!(cut), json!(cut)));
}

#[test]
fn a_task_that_reports_none_leaves_none() {
    let schema = Schema::new(vec![Field::new("c", DataType::Int32, true)]);
    let mut statistics = Vec::new();
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    add_batch(
        &mut statistics,
        &RecordBatch::try_from_iter([("c", values)]).unwrap(),
    );
    let reports = [(1, statistics.as_slice()), (1, &[][..])];
    let table = TableStatistics::of("t", &schema, reports);
    assert_eq!((table.rows, table.columns), (2, vec![]));
}

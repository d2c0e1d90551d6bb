//! `collect_list(value)`.

use std::mem::{size_of, take};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt32Array, new_empty_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{interleave, take as take_rows};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

/// The function's name.
pub(in crate::spark) const COLLECT_LIST: &str = "collect_list";

/// The values of a group that are not null, as an array, in the order in which they come. Never
/// null: a group without values has an empty array.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CollectList {
    signature: Signature,
    aliases: Vec<String>,
}

impl CollectList {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
            aliases: vec!["array_agg".to_owned()],
        }
    }
}

impl AggregateUDFImpl for CollectList {
    fn name(&self) -> &str {
        COLLECT_LIST
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(item_field(&types[0])))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, COLLECT_LIST);
        let state = DataType::List(item_field(args.input_fields[0].data_type()));
        Ok(vec![Arc::new(Field::new(name, state, true))])
    }

    /// For queries without groups and for windows, where one value is made at a time.
    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        datafusion_spark::function::aggregate::collect_list().accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct && args.order_bys.is_empty()
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::new(args.expr_fields[0].data_type())))
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        let DataType::List(item) = data_type else {
            return ScalarValue::try_from(data_type);
        };
        let empty = ListArray::try_new(
            Arc::clone(item),
            OffsetBuffer::from_lengths([0]),
            new_empty_array(item.data_type()),
            None,
        )?;
        Ok(ScalarValue::List(Arc::new(empty)))
    }
}

fn item_field(item: &DataType) -> FieldRef {
    Arc::new(Field::new_list_field(item.clone(), true))
}

/// Values in the order in which they came, each with its group. Nothing is done per group until
/// the end, when one counting sort and one gathering make all arrays.
struct Groups {
    item: FieldRef,
    batches: Vec<Batch>,
    groups: usize,
    /// Kept up to date, because it is asked for with every batch.
    bytes: usize,
}

/// Values, and the group of each.
struct Batch {
    values: ArrayRef,
    groups: Vec<u32>,
}

impl Batch {
    fn bytes(&self) -> usize {
        let values = self.values.to_data().get_slice_memory_size();
        values.unwrap_or_default() + self.groups.capacity() * size_of::<u32>() + size_of::<Self>()
    }
}

impl Groups {
    fn new(item: &DataType) -> Self {
        Self {
            item: item_field(item),
            batches: vec![],
            groups: 0,
            bytes: 0,
        }
    }

    /// Adds the rows of `values` that have a group. Where not all have one, the others are not
    /// kept, so that a filter saves memory too.
    fn add(&mut self, values: &ArrayRef, rows: &[u32], groups: Vec<u32>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let values = if rows.len() == values.len() {
            Arc::clone(values)
        } else {
            take_rows(values, &UInt32Array::from(rows.to_vec()), None)?
        };
        let batch = Batch { values, groups };
        self.bytes += batch.bytes();
        self.batches.push(batch);
        Ok(())
    }

    /// Makes the arrays of the first `count` groups.
    fn arrays(&self, count: usize) -> Result<ArrayRef> {
        // First how many values each group has, then where its next value goes.
        let mut next = vec![0_usize; count];
        for group in self.batches.iter().flat_map(|batch| &batch.groups) {
            if let Some(count) = next.get_mut(*group as usize) {
                *count += 1;
            }
        }
        let total: usize = next.iter().sum();
        i32::try_from(total).map_err(|_| {
            exec_datafusion_err!("collect_list: {total} values in one partition; use more")
        })?;
        let offsets = OffsetBuffer::from_lengths(next.iter().copied());
        for (next, start) in next.iter_mut().zip(offsets.iter()) {
            *next = usize::try_from(*start).unwrap_or_default();
        }
        let mut places = vec![(0_usize, 0_usize); total];
        for (number, batch) in self.batches.iter().enumerate() {
            for (row, group) in batch.groups.iter().enumerate() {
                if let Some(next) = next.get_mut(*group as usize) {
                    places[*next] = (number, row);
                    *next += 1;
                }
            }
        }
        let values = if total == 0 {
            new_empty_array(self.item.data_type())
        } else {
            let sources: Vec<&dyn Array> = self
                .batches
                .iter()
                .map(|batch| batch.values.as_ref())
                .collect();
            interleave(&sources, &places)?
        };
        let item = Arc::clone(&self.item);
        Ok(Arc::new(ListArray::try_new(item, offsets, values, None)?))
    }

    /// Forgets the first `count` groups; the others move to the front.
    fn forget(&mut self, count: usize) -> Result<()> {
        let old = take(&mut self.batches);
        self.bytes = 0;
        self.groups -= count;
        for Batch { values, groups } in old {
            let kept = |group: &u32| (*group as usize).checked_sub(count);
            let (rows, groups): (Vec<u32>, Vec<u32>) = (0_u32..)
                .zip(&groups)
                .filter_map(|(row, group)| Some((row, u32::try_from(kept(group)?).ok()?)))
                .unzip();
            self.add(&values, &rows, groups)?;
        }
        Ok(())
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups = self.groups.max(total_num_groups);
        let nulls = NullBuffer::union(
            values[0].logical_nulls().as_ref(),
            opt_filter.map(passing).as_ref(),
        );
        let (rows, groups): (Vec<u32>, Vec<u32>) = (0_u32..)
            .zip(group_indices)
            .filter(|(row, _)| {
                nulls
                    .as_ref()
                    .is_none_or(|nulls| nulls.is_valid(*row as usize))
            })
            .map(|(row, group)| (row, group_number(*group)))
            .unzip();
        self.add(&values[0], &rows, groups)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups = self.groups.max(total_num_groups);
        let lists = values[0].as_list::<i32>();
        let bounds = lists.value_offsets();
        // The values of a slice of lists may be those of many other lists too.
        let first = bounds.first().copied().unwrap_or_default();
        let last = bounds.last().copied().unwrap_or_default();
        let index = |offset: i32| usize::try_from(offset - first).unwrap_or_default();
        let elements = lists
            .values()
            .slice(usize::try_from(first).unwrap_or_default(), index(last));
        let mut rows = Vec::with_capacity(elements.len());
        let mut groups = Vec::with_capacity(elements.len());
        for (row, group) in group_indices.iter().enumerate() {
            if lists.is_valid(row) {
                let places = index(bounds[row])..index(bounds[row + 1]);
                groups.resize(groups.len() + places.len(), group_number(*group));
                rows.extend(places.map(group_number));
            }
        }
        self.add(&elements, &rows, groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        match emit_to {
            EmitTo::All => {
                let arrays = self.arrays(self.groups)?;
                *self = Self::new(self.item.data_type());
                Ok(arrays)
            }
            EmitTo::First(count) => {
                let arrays = self.arrays(count)?;
                self.forget(count)?;
                Ok(arrays)
            }
        }
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    /// Each row becomes an array of one value, or null where it does not count.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let nulls = NullBuffer::union(
            values[0].logical_nulls().as_ref(),
            opt_filter.map(passing).as_ref(),
        );
        let offsets = OffsetBuffer::from_repeated_length(1, values[0].len());
        let item = Arc::clone(&self.item);
        let lists = ListArray::try_new(item, offsets, Arc::clone(&values[0]), nulls)?;
        Ok(vec![Arc::new(lists)])
    }

    fn size(&self) -> usize {
        self.bytes
    }
}

/// The rows that a filter lets through; null lets nothing through.
fn passing(filter: &BooleanArray) -> NullBuffer {
    NullBuffer::new(match filter.nulls() {
        Some(nulls) => filter.values() & nulls.inner(),
        None => filter.values().clone(),
    })
}

/// Groups and rows are counted in 32 bits to halve the memory; more do not fit into a partition.
fn group_number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

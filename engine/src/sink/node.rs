//! The sink as a node of the logical plan, and its way into the physical one.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::exec::{SinkExec, report_schema};
use super::spec::SinkSpec;

/// Writes its input's rows to the table that its spec names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SinkNode {
    input: LogicalPlan,
    spec: Arc<SinkSpec>,
    schema: DFSchemaRef,
}

impl SinkNode {
    /// The plan that writes the rows of `input`.
    pub fn plan(input: LogicalPlan, spec: SinkSpec) -> Result<LogicalPlan> {
        let schema = Arc::new(DFSchema::try_from(report_schema())?);
        let node = Self {
            input,
            spec: Arc::new(spec),
            schema,
        };
        Ok(LogicalPlan::Extension(Extension {
            node: Arc::new(node),
        }))
    }
}

impl PartialOrd for SinkNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.spec.partial_cmp(&other.spec)
    }
}

impl UserDefinedLogicalNodeCore for SinkNode {
    fn name(&self) -> &'static str {
        "Sink"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Sink: {}", self.spec.table)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = inputs
            .into_iter()
            .next()
            .ok_or_else(|| DataFusionError::Internal("the sink needs an input".to_owned()))?;
        Ok(Self {
            input,
            spec: self.spec.clone(),
            schema: self.schema.clone(),
        })
    }
}

/// Plans [`SinkNode`]s beside all that DataFusion plans by itself.
#[derive(Debug, Default)]
pub struct SinkQueryPlanner;

#[async_trait]
impl QueryPlanner for SinkQueryPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(SinkPlanner)])
            .create_physical_plan(plan, session)
            .await
    }
}

#[derive(Debug)]
struct SinkPlanner;

#[async_trait]
impl ExtensionPlanner for SinkPlanner {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(sink), [input]) = (node.as_any().downcast_ref::<SinkNode>(), inputs) else {
            return Ok(None);
        };
        Ok(Some(Arc::new(SinkExec::try_new(
            input.clone(),
            sink.spec.clone(),
        )?)))
    }
}

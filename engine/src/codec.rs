//! How cinemill's own operators travel to executors; all others are Ballista's and DataFusion's.

use std::fmt;
use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

use crate::sink::exec::SinkExec;
use crate::source::TextScanExec;

/// Ballista's messages are protobuf and never begin with these bytes: they would be the tag of a
/// field of a wire type that does not exist.
const SCAN: &[u8] = b"\x07cinemill-scan\n";
const SINK: &[u8] = b"\x07cinemill-sink\n";

/// Encodes cinemill's operators, and hands every other to Ballista's codec.
#[derive(Default)]
pub struct EngineCodec {
    ballista: BallistaPhysicalExtensionCodec,
}

impl fmt::Debug for EngineCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineCodec")
    }
}

fn only_input(inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>> {
    match inputs {
        [input] => Ok(input.clone()),
        _ => Err(DataFusionError::Internal(format!(
            "expected one input, got {}",
            inputs.len()
        ))),
    }
}

fn json<T>(result: serde_json::Result<T>) -> Result<T> {
    result.map_err(|cause| DataFusionError::External(Box::new(cause)))
}

impl PhysicalExtensionCodec for EngineCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(body) = buf.strip_prefix(SCAN) {
            let scan = TextScanExec::decode(body, only_input(inputs)?)
                .map_err(crate::error::Error::into_datafusion)?;
            return Ok(Arc::new(scan));
        }
        if let Some(body) = buf.strip_prefix(SINK) {
            let spec = json(serde_json::from_slice(body))?;
            let [rows, numbers] = inputs else {
                return Err(DataFusionError::Internal(
                    "the sink needs two inputs".to_owned(),
                ));
            };
            return Ok(Arc::new(SinkExec::with_numbers(
                rows.clone(),
                numbers.clone(),
                Arc::new(spec),
            )));
        }
        self.ballista.try_decode(buf, inputs, ctx, converter)
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        if let Some(scan) = node.downcast_ref::<TextScanExec>() {
            buf.extend_from_slice(SCAN);
            buf.extend(
                scan.encode()
                    .map_err(crate::error::Error::into_datafusion)?,
            );
            return Ok(());
        }
        if let Some(sink) = node.downcast_ref::<SinkExec>() {
            buf.extend_from_slice(SINK);
            buf.extend(json(serde_json::to_vec(sink.spec().as_ref()))?);
            return Ok(());
        }
        self.ballista.try_encode(node, buf, converter)
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.ballista.try_decode_udf(name, buf)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.ballista.try_encode_udf(node, buf)
    }

    fn try_decode_higher_order_function(
        &self,
        name: &str,
        buf: &[u8],
    ) -> Result<Arc<HigherOrderUDF>> {
        self.ballista.try_decode_higher_order_function(name, buf)
    }

    fn try_encode_higher_order_function(
        &self,
        node: &HigherOrderUDF,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        self.ballista.try_encode_higher_order_function(node, buf)
    }

    fn try_decode_udaf(&self, name: &str, buf: &[u8]) -> Result<Arc<AggregateUDF>> {
        self.ballista.try_decode_udaf(name, buf)
    }

    fn try_encode_udaf(&self, node: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.ballista.try_encode_udaf(node, buf)
    }

    fn try_decode_udwf(&self, name: &str, buf: &[u8]) -> Result<Arc<WindowUDF>> {
        self.ballista.try_decode_udwf(name, buf)
    }

    fn try_encode_udwf(&self, node: &WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.ballista.try_encode_udwf(node, buf)
    }
}

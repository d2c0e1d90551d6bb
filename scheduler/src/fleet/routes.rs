//! The fleet's part of the HTTP API.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use cinemill_jobs::api::Failure;
use cinemill_jobs::fleet::{
    DRAIN_DEADLINE_S, Drain, DrainRequest, DrainState, Executor, ExecutorState, QueueSlots, Slots,
};
use utoipa::OpenApi;

use super::Fleet;
use super::signals::metrics;
use crate::runs::Runs;
use crate::service::Refused;

#[derive(OpenApi)]
#[openapi(
    paths(executors, drain, dismiss, slots, scrape),
    components(schemas(
        Drain,
        DrainRequest,
        DrainState,
        Executor,
        ExecutorState,
        QueueSlots,
        Slots
    ))
)]
struct Api;

/// The part's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

#[derive(Clone)]
struct Service {
    fleet: Fleet,
    runs: Runs,
}

pub fn routes(fleet: Fleet, runs: Runs) -> Router {
    Router::new()
        .route("/v1/executors", get(executors))
        .route(
            "/v1/executors/{executor_id}",
            axum::routing::delete(dismiss),
        )
        .route("/v1/executors/{executor_id}/drain", post(drain))
        .route("/v1/slots", get(slots))
        .route("/metrics", get(scrape))
        .with_state(Service { fleet, runs })
}

/// The executors that are registered.
#[utoipa::path(get, path = "/v1/executors", responses((status = 200, body = Vec<Executor>)))]
async fn executors(State(service): State<Service>) -> Json<Vec<Executor>> {
    Json(service.fleet.executors().await)
}

/// Makes an executor leave when nothing that it has is needed any more, or at the deadline.
/// Asked again, it tells how far that is; a sooner deadline counts.
#[utoipa::path(post, path = "/v1/executors/{executor_id}/drain", request_body = DrainRequest,
    responses((status = 200, body = Drain), (status = 404, body = Failure)))]
async fn drain(
    State(service): State<Service>,
    Path(executor_id): Path<String>,
    request: Option<Json<DrainRequest>>,
) -> Result<Json<Drain>, Refused> {
    let deadline_s = request.map_or(DRAIN_DEADLINE_S, |Json(request)| request.deadline_s);
    let deadline = Duration::from_secs(deadline_s);
    Ok(Json(service.fleet.drain(&executor_id, deadline).await?))
}

/// Makes an executor leave at once. What it ran is lost, and its runs are told so.
#[utoipa::path(delete, path = "/v1/executors/{executor_id}", responses(
    (status = 200, body = Drain), (status = 404, body = Failure)))]
async fn dismiss(
    State(service): State<Service>,
    Path(executor_id): Path<String>,
) -> Result<Json<Drain>, Refused> {
    Ok(Json(service.fleet.dismiss_now(&executor_id).await?))
}

/// What an autoscaler wants to know: slots, tasks, executors and runs.
#[utoipa::path(get, path = "/v1/slots", responses((status = 200, body = Slots)))]
async fn slots(State(service): State<Service>) -> Json<Slots> {
    let runs = service.runs.list().await;
    Json(service.fleet.slots(&runs).await)
}

/// The same as Prometheus metrics.
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, content_type = "text/plain", body = String)))]
async fn scrape(State(service): State<Service>) -> Result<impl IntoResponse, Refused> {
    let runs = service.runs.list().await;
    let text = metrics(&service.fleet.slots(&runs).await)?;
    Ok(([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text))
}

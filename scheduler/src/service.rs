//! The run service's HTTP API. `GET /v1/openapi.json` describes it.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cinemill_engine::error::{Error, Kind};
use cinemill_jobs::api::{Failure, Run, SubmitRun, Submitted};
use futures::{Stream, StreamExt};
use utoipa::OpenApi;

use crate::fleet;
use crate::runs::Runs;

/// A stream of events says something at least this often.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A job with its SQL is text; this is far more than any.
const REQUEST_BYTES_MAX: usize = 16 << 20;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "cinemill run service",
        description = "Runs jobs on the cluster."
    ),
    paths(submit, list, show, events, cancel),
    components(schemas(SubmitRun, Submitted, Run, Failure))
)]
struct Api;

#[derive(Clone)]
struct Service {
    runs: Runs,
}

pub fn routes(runs: Runs) -> Router {
    Router::new()
        .route("/v1/runs", post(submit).get(list))
        .route("/v1/runs/{run_id}", get(show))
        .route("/v1/runs/{run_id}/events", get(events))
        .route("/v1/runs/{run_id}/cancel", post(cancel))
        .route("/v1/openapi.json", get(|| async { Json(openapi()) }))
        .route("/healthz", get(|| async { "ok" }))
        .layer(axum::extract::DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(Service { runs })
}

fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi().merge_from(fleet::openapi())
}

/// An error as an answer.
pub struct Refused(Error);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.kind {
            Kind::Usage if self.0.action.starts_with("find ") => StatusCode::NOT_FOUND,
            Kind::Usage | Kind::Definition => StatusCode::BAD_REQUEST,
            Kind::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(Failure { error: self.0 })).into_response()
    }
}

/// Begins a run, or attaches to the one of this id.
#[utoipa::path(post, path = "/v1/runs", request_body = SubmitRun, responses(
    (status = 200, body = Submitted), (status = 400, body = Failure)))]
async fn submit(
    State(service): State<Service>,
    body: Result<Json<SubmitRun>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<Submitted>, Refused> {
    let Json(submission) = body.map_err(|rejection| {
        Error::new(
            Kind::Usage,
            "understand",
            "the request",
            rejection.body_text(),
        )
    })?;
    Ok(Json(service.runs.submit(submission).await?))
}

/// All runs that this scheduler knows, newest first.
#[utoipa::path(get, path = "/v1/runs", responses((status = 200, body = Vec<Run>)))]
async fn list(State(service): State<Service>) -> Json<Vec<Run>> {
    Json(service.runs.list().await)
}

/// One run.
#[utoipa::path(get, path = "/v1/runs/{run_id}", responses(
    (status = 200, body = Run), (status = 404, body = Failure)))]
async fn show(
    State(service): State<Service>,
    Path(run_id): Path<String>,
) -> Result<Json<Run>, Refused> {
    Ok(Json(service.runs.find(&run_id).await?.run()))
}

/// What happens in a run, as server-sent events, until it is over. The first and the last event
/// hold the run itself. While a client follows, an attached run goes on.
#[utoipa::path(get, path = "/v1/runs/{run_id}/events", responses(
    (status = 200, content_type = "text/event-stream", body = String),
    (status = 404, body = Failure)))]
async fn events(
    State(service): State<Service>,
    Path(run_id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let items = service.runs.find(&run_id).await?.follow();
    let messages = items.filter_map(|item| async move {
        Event::default()
            .json_data(&item)
            .ok()
            .map(Ok::<_, Infallible>)
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Cancels a run and answers when it has ended.
#[utoipa::path(post, path = "/v1/runs/{run_id}/cancel", responses(
    (status = 200, body = Run), (status = 404, body = Failure)))]
async fn cancel(
    State(service): State<Service>,
    Path(run_id): Path<String>,
) -> Result<Json<Run>, Refused> {
    Ok(Json(service.runs.cancel(&run_id).await?))
}

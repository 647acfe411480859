//! From a request to its response.

use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::Semaphore;

use crate::answer::{Refusal, Shape, respond};
use crate::decorated::{plain_request, through};
use crate::options::Limits;
use crate::request_id::{HEADER, RequestIds};
use crate::routes::{Endpoint, Routes};

/// What all workers share.
pub struct Server {
    pub routes: Routes,
    pub limits: Limits,
    /// Large bodies that may be worked on at once.
    pub large: Arc<Semaphore>,
    pub ids: RequestIds,
}

impl Server {
    /// Answers a request, and logs that it did where the log wants to know.
    pub async fn respond(&self, request: &HttpRequest, payload: &mut Payload) -> HttpResponse {
        if !tracing::enabled!(target: "palladium::access", tracing::Level::INFO) {
            return self.answer(request, payload).await;
        }
        let started = Instant::now();
        let response = self.answer(request, payload).await;
        let refused = response.headers().get(HEADER).and_then(|id| id.to_str().ok());
        tracing::info!(
            target: "palladium::access",
            request_id = refused.map_or_else(|| self.ids.of(request), str::to_owned),
            method = %request.method(),
            path = request.path(),
            status = response.status().as_u16(),
            microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
        response
    }

    async fn answer(&self, request: &HttpRequest, payload: &mut Payload) -> HttpResponse {
        let Some(endpoint) = self.routes.find(request.path()) else {
            let shown: String = request.path().chars().take(100).collect();
            let refusal = Refusal::said(StatusCode::NOT_FOUND, -1, format!("there is nothing at {shown:?}"));
            return refusal.respond(Shape::Flat, &self.ids.of(request));
        };
        let answer = match (endpoint, request.method()) {
            (_, &Method::OPTIONS) if endpoint.decorators().is_empty() => Ok(options(endpoint.methods())),
            // Decorators answer what browsers ask before a request, and keep everything else from strangers.
            (_, &Method::OPTIONS) => {
                let (shown, methods) = (plain_request(request, Vec::new(), self.ids.of(request)), endpoint.methods());
                through(endpoint.decorators(), shown, move || options(methods)).await
            }
            (Endpoint::Predict(route), &Method::GET | &Method::HEAD | &Method::POST) if route.is_decorated() => {
                route.answer_decorated(request, payload, &self.limits, &self.large, self.ids.of(request)).await
            }
            (Endpoint::Predict(route), &Method::GET | &Method::HEAD | &Method::POST) => {
                route.answer(request, payload, &self.limits, &self.large).await
            }
            (Endpoint::Alive(alive), &Method::GET | &Method::HEAD) if alive.decorators.is_empty() => Ok(alive.answer()),
            (Endpoint::Alive(alive), &Method::GET | &Method::HEAD) => {
                let view = Arc::clone(alive);
                let shown = plain_request(request, Vec::new(), self.ids.of(request));
                through(&alive.decorators, shown, move || view.answer()).await
            }
            (Endpoint::List(list), &Method::GET | &Method::HEAD) if list.decorators.is_empty() => list.answer().await,
            (Endpoint::List(list), &Method::GET | &Method::HEAD) => {
                let (view, id) = (Arc::clone(list), self.ids.of(request));
                let shown = plain_request(request, Vec::new(), id.clone());
                let view = move || match view.body() {
                    Ok(body) => respond(StatusCode::OK, body),
                    Err(refusal) => refusal.respond(Shape::Flat, &id),
                };
                through(&list.decorators, shown, view).await
            }
            _ => Err(Refusal::method(endpoint.methods())),
        };
        answer.unwrap_or_else(|refusal| {
            let shape = match endpoint {
                Endpoint::Predict(route) => route.shape(&refusal),
                Endpoint::Alive(_) | Endpoint::List(_) => Shape::Flat,
            };
            refusal.respond(shape, &self.ids.of(request))
        })
    }
}

fn options(methods: &'static str) -> HttpResponse {
    HttpResponse::Ok().insert_header((ALLOW, HeaderValue::from_static(methods))).finish()
}

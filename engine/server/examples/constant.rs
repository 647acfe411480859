//! A bare handler that returns a constant: the ceiling that the load script compares the service with.
//!
//! `constant ADDRESS FILE [NAME VALUE]…`: listens there and answers every request to `/predict` with the contents of the
//! file and these headers, after it has read the request's body.

use std::io;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{App, HttpResponse, HttpServer, rt, web};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: constant ADDRESS FILE [NAME VALUE]…"));
    };
    let mut headers = Vec::new();
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        let name = HeaderName::try_from(name).map_err(io::Error::other)?;
        headers.push((name, HeaderValue::try_from(value).map_err(io::Error::other)?));
    }
    let response = web::Bytes::from(std::fs::read(file)?);
    let server = HttpServer::new(move || {
        let (response, headers) = (response.clone(), headers.clone());
        let answer = move |_body: web::Bytes| {
            let mut answer = HttpResponse::Ok();
            answer.content_type("application/json; charset=utf-8");
            for header in &headers {
                answer.append_header(header.clone());
            }
            let answer = answer.body(response.clone());
            async move { answer }
        };
        App::new()
            .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
            .route("/predict", web::get().to(answer.clone()))
            .route("/predict", web::post().to(answer))
    })
    .bind(address)?;
    rt::System::new().block_on(async { server.run().await })
}

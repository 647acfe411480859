//! A bare handler that returns a constant: the ceiling that the load script compares the service with.
//!
//! `constant ADDRESS FILE`: listens there and answers every request to `/predict` with the contents of the file, after
//! it has read the request's body.

use std::io;

use actix_web::{App, HttpResponse, HttpServer, rt, web};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: constant ADDRESS FILE"));
    };
    let response = web::Bytes::from(std::fs::read(file)?);
    let server = HttpServer::new(move || {
        let response = response.clone();
        let answer = move |_body: web::Bytes| {
            let response = response.clone();
            async move { HttpResponse::Ok().content_type("application/json; charset=utf-8").body(response) }
        };
        App::new()
            .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
            .route("/predict", web::get().to(answer.clone()))
            .route("/predict", web::post().to(answer))
    })
    .bind(address)?;
    rt::System::new().block_on(async { server.run().await })
}

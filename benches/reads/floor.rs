//! The floor: Actix answering the same headers and bytes from memory, nothing else.

use crate::load::Sample;
use actix_web::{App, HttpResponse, HttpServer, web};

/// Serves on `PORT:FILE`.
pub fn serve(argument: &str) {
    let (port, file) = argument.split_once(':').expect("PORT:FILE");
    let sample = Sample::from_bytes(&std::fs::read(file).expect("the sample"));
    drop(std::fs::remove_file(file));
    let port: u16 = port.parse().expect("a port");
    let served = actix_web::rt::System::new().block_on(async move {
        HttpServer::new(move || {
            let sample = sample.clone();
            App::new().default_service(web::to(move || {
                let sample = sample.clone();
                async move {
                    let mut response = HttpResponse::build(actix_web::http::StatusCode::from_u16(sample.status).unwrap_or_default());
                    for (name, value) in &sample.headers {
                        response.insert_header((name.as_str(), value.as_str()));
                    }
                    if sample.status == 304 { response.finish() } else { response.body(sample.body.clone()) }
                }
            }))
        })
        .workers(1)
        .bind(("127.0.0.1", port))?
        .run()
        .await
    });
    served.expect("the floor server");
}

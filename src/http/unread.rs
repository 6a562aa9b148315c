//! What is left of a request's body when it is answered: held until the answer is out, so that the connection ends with it.
//!
//! actix-http closes a connection whose body is still held unread when the answer goes out, after a second of grace. A chunked
//! body (RFC 9112 §7.1) that was dropped before it waits for to its end instead, and sets no timer for that.

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::{StreamExt, stream};
use std::cell::RefCell;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A body that both the handler, who may read it, and the answer have in hand.
#[derive(Clone)]
pub struct Unread {
    _held: Rc<RefCell<Payload>>,
}

impl Unread {
    /// Takes hold of a chunked body and leaves the handler a way to read it; nothing to hold of any other request.
    pub fn hold(request: &mut ServiceRequest) -> Option<Self> {
        if !request.headers().contains_key(header::TRANSFER_ENCODING) {
            return None;
        }
        let (_, payload) = request.parts_mut();
        let held = Rc::new(RefCell::new(payload.take()));
        let read = held.clone();
        let chunks = stream::poll_fn(move |context| read.borrow_mut().poll_next_unpin(context));
        request.set_payload(Payload::Stream { payload: Box::pin(chunks) });
        Some(Self { _held: held })
    }

    /// Goes along with an answer until it is out: beside its head, which is all that an empty one has, and in its body.
    pub fn go_with(self, mut answer: HttpResponse) -> HttpResponse {
        answer.extensions_mut().insert(self.clone());
        answer.map_body(|_, body| BoxBody::new(Held { body, _unread: self }))
    }
}

/// An answer's body that has the request's in hand.
struct Held {
    body: BoxBody,
    _unread: Unread,
}

impl MessageBody for Held {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(context)
    }
}

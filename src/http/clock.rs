//! The only place that reads the clock; everything else is told what time it is.

use crate::domain::time::Moment;
use std::sync::Arc;

/// Tells the time. Tests put their own in.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Moment + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn system() -> Self {
        Self::new(|| Moment::from_milliseconds(jiff::Timestamp::now().as_millisecond()))
    }

    pub fn new(now: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> Moment {
        (self.0)()
    }
}

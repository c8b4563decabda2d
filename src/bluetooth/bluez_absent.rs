//! The face of `bluez` in a program built without it.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream::BoxStream;

use super::{Address, Failure, Fault, Guard, Place, Radio, Survey};

/// No BlueZ.
#[derive(Debug, Default)]
pub struct Bluez;

impl Bluez {
    /// Nobody to ask.
    pub fn new() -> Self {
        Self
    }
}

impl Radio for Bluez {
    type Open = Infallible;

    async fn survey(&self, _only: &[Address]) -> Result<Survey, Fault> {
        Err(Fault::NotBuilt)
    }

    async fn changes(&self) -> Result<BoxStream<'static, ()>, Fault> {
        Err(Fault::NotBuilt)
    }

    async fn connect(&self, _place: &Place) -> Result<(), Failure> {
        Err(Fault::NotBuilt.into())
    }

    async fn look_around(&self, _adapter: &str) -> Result<Guard, Failure> {
        Err(Fault::NotBuilt.into())
    }

    async fn pair(&self, _place: &Place) -> Result<(), Failure> {
        Err(Fault::NotBuilt.into())
    }

    async fn trust(&self, _place: &Place) -> Result<(), Failure> {
        Err(Fault::NotBuilt.into())
    }

    async fn forget(&self, _place: &Place) -> Result<(), Failure> {
        Err(Fault::NotBuilt.into())
    }

    async fn open(&self, _adapter: &str, _most: Duration) -> Result<Infallible, Failure> {
        Err(Fault::NotBuilt.into())
    }

    async fn close(&self, open: Infallible) -> Result<(), Failure> {
        match open {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_for_it_is_told_why_there_is_none() {
        let error = Bluez::new().survey(&[]).await.unwrap_err();
        assert!(error.to_string().contains("built without Bluetooth"));
    }
}

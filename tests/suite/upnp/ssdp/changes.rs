//! Interfaces that come, go and change while we are announced on them.

use std::time::Duration;

use super::{BOOT_ID, PHONE, PHONE_TOO, Responder, header, location};
use crate::support::upnp_house::{House, Overheard};

/// What was announced, in short: NTS, `old` or `new` BOOTID, and the host of LOCATION; repeats count once.
fn short(heard: &[String]) -> Vec<String> {
    let mut words: Vec<String> = heard
        .iter()
        .map(|message| {
            let nts = header(message, "NTS").unwrap();
            let boot_id: u32 = header(message, "BOOTID.UPNP.ORG").unwrap().parse().unwrap();
            assert_eq!(header(message, "CONFIGID.UPNP.ORG"), Some("77"));
            let age = match boot_id {
                BOOT_ID => "old",
                _ => "new",
            };
            let host = header(message, "LOCATION").map_or("", |location| {
                let rest = location.strip_prefix("http://").unwrap();
                rest.split(':').next().unwrap()
            });
            format!("{} {age} {host}", nts.trim_start_matches("ssdp:"))
                .trim_end()
                .to_owned()
        })
        .collect();
    words.dedup();
    words
}

/// What has been announced since `skip` messages.
fn since(overheard: &Overheard, skip: usize) -> Vec<String> {
    let heard = overheard.so_far().into_iter().skip(skip);
    heard.map(|(_, message)| message).collect()
}

async fn announced(overheard: &Overheard, host: &str) {
    let here = location(host);
    overheard
        .until(host, |heard| {
            let mut heard = heard.iter();
            heard.any(|(_, message)| header(message, "LOCATION") == Some(&here))
        })
        .await;
    overheard.until_quiet().await;
}

/// A responder that has said on both cables that it is there, and somebody at the far end of each who has heard it.
struct Announced {
    house: House,
    responder: Responder,
    near: Overheard,
    far: Overheard,
    /// How many messages each has heard until then.
    before: (usize, usize),
}

impl Announced {
    async fn build() -> Self {
        let house = House::build();
        let (near, far) = (house.overhear(PHONE), house.overhear(PHONE_TOO));
        let responder = Responder::start(&house, &[]);
        announced(&near, "10.91.0.1").await;
        announced(&far, "10.92.0.1").await;
        let before = (near.so_far().len(), far.so_far().len());
        Self {
            house,
            responder,
            near,
            far,
            before,
        }
    }

    /// What each has heard since then.
    fn since(&self) -> (Vec<String>, Vec<String>) {
        (
            since(&self.near, self.before.0),
            since(&self.far, self.before.1),
        )
    }
}

#[tokio::test]
async fn s21_an_address_that_changes_is_announced_and_the_old_one_is_not_any_more() {
    let scene = Announced::build().await;

    scene.house.ip_on_box("addr del 10.91.0.1/24 dev cable0");
    scene.house.ip_on_box("addr add 10.91.0.7/24 dev cable0");
    announced(&scene.near, "10.91.0.7").await;
    scene.far.until_quiet().await;
    let (near, far) = scene.since();
    assert_eq!(short(&near), ["byebye old", "alive new 10.91.0.7"]);
    // Whether the loss is seen for itself depends on when the system lets us look.
    let far_words = short(&far);
    let end = ["update old 10.92.0.1", "alive new 10.92.0.1"];
    assert!(
        far_words.ends_with(&end.map(str::to_owned)),
        "{far_words:?}"
    );
    let next: Vec<_> = far
        .iter()
        .filter_map(|m| header(m, "NEXTBOOTID.UPNP.ORG"))
        .collect();
    let now = header(near.last().unwrap(), "BOOTID.UPNP.ORG").unwrap();
    assert_eq!(next, [now; 6], "all targets by the BOOTID that follows");
    assert!(now.parse::<u32>().unwrap() > BOOT_ID);
    scene.responder.stop();
}

#[tokio::test]
async fn s21_an_interface_without_an_address_is_served_as_soon_as_it_has_one() {
    let house = House::build();
    house.ip_on_box("addr flush dev cable1");
    house.ip_on_box("link set cable0 down");
    let (near, far) = (house.overhear(PHONE), house.overhear(PHONE_TOO));
    let responder = Responder::start(&house, &["cable0", "cable1"]);
    far.until_quiet().await;
    assert_eq!(near.so_far().len() + far.so_far().len(), 0);

    // The first of all: there is nobody to tell of another BOOTID.
    house.ip_on_box("link set cable0 up");
    announced(&near, "10.91.0.1").await;
    let words = since(&near, 0);
    assert_eq!(short(&words), ["byebye old", "alive old 10.91.0.1"]);

    house.ip_on_box("addr add 10.92.0.1/24 dev cable1");
    announced(&far, "10.92.0.1").await;
    assert_eq!(short(&since(&far, 0)), ["alive new 10.92.0.1"]);
    let words = since(&near, words.len());
    assert_eq!(
        short(&words),
        ["update old 10.91.0.1", "alive new 10.91.0.1"]
    );
    responder.stop();
}

#[tokio::test]
async fn s21_an_interface_that_is_made_anew_is_served_anew() {
    let scene = Announced::build().await;
    scene.house.ip_on_box("link del cable0");
    tokio::time::sleep(Duration::from_millis(500)).await;
    scene.house.lay_cable("cable0", "10.91.0");
    let near = scene.house.overhear(PHONE);
    // It may have been announced before we listened; all of it is said three times.
    announced(&near, "10.91.0.1").await;
    scene.far.until_quiet().await;
    let words = since(&near, 0);
    assert!(
        short(&words).ends_with(&["alive new 10.91.0.1".to_owned()]),
        "{words:?}"
    );
    let words = short(&since(&scene.far, scene.before.1));
    let expected = [
        "alive old 10.92.0.1",
        "update old 10.92.0.1",
        "alive new 10.92.0.1",
    ];
    assert!(words.ends_with(&expected.map(str::to_owned)), "{words:?}");
    scene.responder.stop();
}

#[tokio::test]
async fn s21_an_interface_that_comes_back_as_it_was_is_announced_again_without_a_byebye() {
    let scene = Announced::build().await;
    scene.house.ip_on_box("link set cable0 down");
    scene
        .far
        .until("the loss", |heard| heard.len() > scene.before.1)
        .await;
    scene.house.ip_on_box("link set cable0 up");
    scene
        .near
        .until("the return", |heard| heard.len() > scene.before.0)
        .await;
    scene.near.until_quiet().await;
    scene.far.until_quiet().await;
    let (near, far) = scene.since();
    assert_eq!(short(&near), ["alive new 10.91.0.1"]);
    let expected = [
        "alive old 10.92.0.1",
        "update old 10.92.0.1",
        "alive new 10.92.0.1",
    ];
    assert_eq!(short(&far), expected);
    scene.responder.stop();
}

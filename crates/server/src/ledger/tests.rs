//! The rules of the ledger, in a budget of 16 MiB: an address may use 3 MiB, large charges of it 2.25 MiB; all addresses
//! 4 MiB; a principal 6 MiB, large charges of it 4.5 MiB.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

const MIB: u64 = 1 << 20;

fn ledger() -> Ledger {
    Ledger::new(16 * MIB, Figures::default())
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_charged_is_given_back() {
    let ledger = ledger();
    let share = ledger.principal("AIDA1");
    let mut charge = share.take(MIB).await.unwrap();
    charge.grow_to(3 * MIB).await.unwrap();
    assert_eq!(ledger.held(), 3 * MIB);
    charge.shrink_to(2 * MIB);
    assert_eq!((ledger.held(), ledger.0.figures.held.get()), (2 * MIB, 2 << 20));
    drop(charge);
    assert_eq!((ledger.held(), ledger.0.shares.count()), (0, 1));
    drop(share);
    assert_eq!(ledger.0.shares.count(), 0, "a share that nobody uses is forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_share_is_one_for_all_requests_of_its_holder() {
    let ledger = ledger();
    let _all = ledger.principal("AIDA1").take(4 * MIB).await.unwrap();
    assert!(ledger.principal("AIDA1").try_take(MIB).is_none());
    assert!(ledger.principal("AIDA2").try_take(MIB).is_some());
    let _network = ledger.address(address("2001:db8::1")).take(2 * MIB).await.unwrap();
    assert!(ledger.address(address("2001:db8::2:3")).try_take(MIB).is_none(), "the same /64");
    assert!(ledger.address(address("2001:db8:0:1::1")).try_take(MIB).is_some());
    let _v4 = ledger.address(address("::ffff:192.0.2.1")).take(MIB / 2).await.unwrap();
    assert!(ledger.address(address("192.0.2.1")).try_take(2 * MIB).is_none());
}

#[tokio::test(start_paused = true)]
async fn large_charges_leave_a_quarter_to_small_ones() {
    let ledger = ledger();
    let share = ledger.principal("AIDA1");
    let _large = share.take(4 * MIB + MIB / 2).await.unwrap();
    assert!(share.try_take(MIB).is_none());
    let small: Vec<_> = (0..24).map(|_| share.try_take(SMALL_BYTES)).collect();
    assert!(small.iter().all(Option::is_some));
    assert!(share.try_take(SMALL_BYTES).is_none(), "the share is full");
}

#[tokio::test(start_paused = true)]
async fn addresses_together_leave_room_for_principals() {
    let ledger = ledger();
    let mut held = Vec::new();
    for at in 0..64_u8 {
        let share = ledger.address(IpAddr::from([192, 0, 2, at]));
        held.extend((0..48).map_while(|_| share.try_take(SMALL_BYTES)));
    }
    assert_eq!(ledger.held(), 4 * MIB);
    assert!(ledger.principal("AIDA1").try_take(4 * MIB).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_small_charge_does_not_wait_behind_a_large_one() {
    let ledger = ledger();
    let share = ledger.principal("AIDA1");
    let first = share.take(4 * MIB).await.unwrap();
    let waiting = tokio::spawn({
        let share = Arc::clone(&share);
        async move { share.take(4 * MIB).await.map(|charge| charge.bytes()) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(share.try_take(SMALL_BYTES).is_some());
    assert!(!waiting.is_finished());
    drop(first);
    assert_eq!(waiting.await.unwrap(), Ok(4 * MIB));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_in_time_is_refused() {
    let ledger = ledger();
    let share = ledger.principal("AIDA1");
    let _first = share.take(4 * MIB).await.unwrap();
    let begun = Instant::now();
    assert_eq!(share.take(MIB).await.map(|_| ()), Err(Full));
    assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 2);
    let begun = Instant::now();
    assert_eq!(share.take(5 * MIB).await.map(|_| ()), Err(Full), "that never fits");
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(ledger.0.figures.refused.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_slowest_body_of_an_address_gives_way() {
    let ledger = ledger();
    let share = ledger.address(address("192.0.2.1"));
    let mut fast = Reading::begin(&share, 512 * 1024, 1).await.unwrap();
    let mut slow = Reading::begin(&share, MIB, 1).await.unwrap();
    slow.make_room(513 * 1024).await.unwrap();
    let (fast_ends, slow_ends) = (fast.given_up(), slow.given_up());
    let waiter = tokio::spawn({
        let share = Arc::clone(&share);
        async move { share.take(MIB + MIB / 2).await.map(|_| ()) }
    });
    let arriving = async {
        // 320 KiB a second.
        for part in 1.. {
            fast.make_room(part * 16 * 1024).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = slow_ends => {}
        () = arriving => {}
    }
    drop(slow);
    assert_eq!(waiter.await.unwrap(), Ok(()));
    let fast_ends = tokio::time::timeout(Duration::from_millis(1), fast_ends).await;
    assert!(fast_ends.is_err(), "one was enough");
}

#[tokio::test(start_paused = true)]
async fn a_body_is_charged_as_it_arrives() {
    let ledger = ledger();
    let share = ledger.principal("AIDA1");
    let all = 4 * MIB + MIB / 2;
    let mut reading = Reading::begin(&share, all, 1).await.unwrap();
    assert_eq!(ledger.held(), 8 * 1024, "what was announced is not charged");
    reading.make_room(100 * 1024).await.unwrap();
    assert_eq!(ledger.held(), 128 * 1024);
    reading.make_room(4 * MIB + 1).await.unwrap();
    assert_eq!(ledger.held(), all, "now all of it is");
    drop(reading.end(MIB));
    assert_eq!(ledger.held(), 0);
}

//! The rules of the ledger, in a budget of 16 MiB: an address may use 3 MiB, large charges of it 2.25 MiB; all addresses
//! 4 MiB; a principal 6 MiB, large charges of it 4.5 MiB; an account 8 MiB, large charges 6 MiB.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

const MIB: u64 = 1 << 20;
const GRACE_IS_OVER: Duration = Duration::from_millis(300);

fn ledger() -> Ledger {
    Ledger::new(16 * MIB, Figures::default())
}

fn account(digits: &str) -> AccountId {
    digits.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_dropped_charge_is_released() {
    let ledger = ledger();
    let share = ledger.principal(&account("111111111111"), "AIDA1");
    let mut charge = share.take(MIB).await.unwrap();
    charge.grow_to(3 * MIB, 3 * MIB).await.unwrap();
    assert_eq!(ledger.held(), 3 * MIB);
    charge.shrink_to(2 * MIB);
    assert_eq!((ledger.held(), ledger.0.figures.held.get()), (2 * MIB, 2 << 20));
    drop(charge);
    assert_eq!((ledger.held(), ledger.0.shares.count()), (0, 2));
    drop(share);
    assert_eq!(ledger.0.shares.count(), 0, "an unused share is removed");
}

#[tokio::test(start_paused = true)]
async fn all_requests_of_an_owner_have_one_share() {
    let ledger = ledger();
    let _all = ledger.principal(&account("111111111111"), "AIDA1").take(4 * MIB).await.unwrap();
    assert!(ledger.principal(&account("111111111111"), "AIDA1").try_take(MIB).is_none());
    assert!(ledger.principal(&account("111111111111"), "AIDA2").try_take(MIB).is_some());
    let _network = ledger.address(address("2001:db8::1")).take(2 * MIB).await.unwrap();
    assert!(ledger.address(address("2001:db8::2:3")).try_take(MIB).is_none(), "the same /64");
    assert!(ledger.address(address("2001:db8:0:1::1")).try_take(MIB).is_some());
    let _v4 = ledger.address(address("::ffff:192.0.2.1")).take(MIB / 2).await.unwrap();
    assert!(ledger.address(address("192.0.2.1")).try_take(2 * MIB).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_account_with_many_users_leaves_room_for_others() {
    let ledger = ledger();
    let (tenant, other) = (account("111111111111"), account("222222222222"));
    let users: Vec<_> = (0..20).map(|at| ledger.principal(&tenant, &format!("AIDA{at}"))).collect();
    let mut held = Vec::new();
    for share in &users {
        held.extend(std::iter::from_fn(|| share.try_take(MIB / 2)).take(12));
        held.extend(std::iter::from_fn(|| share.try_take(SMALL_BYTES)).take(96));
    }
    assert!(ledger.held() <= 8 * MIB, "{} bytes", ledger.held());
    assert!(ledger.principal(&other, "AIDAX").try_take(4 * MIB).is_some());
    drop(held);
    assert_eq!(ledger.held(), 0);
}

#[tokio::test(start_paused = true)]
async fn large_charges_leave_a_quarter_for_small_ones() {
    let ledger = ledger();
    let share = ledger.principal(&account("111111111111"), "AIDA1");
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
    assert!(ledger.principal(&account("111111111111"), "AIDA1").try_take(4 * MIB).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_small_charge_does_not_wait_behind_a_large_one() {
    let ledger = ledger();
    let share = ledger.principal(&account("111111111111"), "AIDA1");
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
async fn a_charge_that_does_not_fit_in_time_is_refused() {
    let ledger = ledger();
    let share = ledger.principal(&account("111111111111"), "AIDA1");
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
async fn the_slowest_body_of_an_address_is_ended() {
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
    let share = ledger.principal(&account("111111111111"), "AIDA1");
    let all = 4 * MIB + MIB / 2;
    let mut reading = Reading::begin(&share, all, 1).await.unwrap();
    assert_eq!(ledger.held(), 32 * 1024, "what was announced is not charged");
    reading.make_room(100 * 1024).await.unwrap();
    assert_eq!(ledger.held(), 128 * 1024);
    reading.make_room(4 * MIB + 1).await.unwrap();
    assert_eq!(ledger.held(), all, "now all of it is");
    drop(reading.end(MIB));
    assert_eq!(ledger.held(), 0);
}

/// A stalled body of the size that large charges may reach.
async fn stalled(share: &Arc<Share>) -> Reading {
    let mut body = Reading::begin(share, 2 * MIB, 1).await.unwrap();
    body.make_room(2 * MIB).await.unwrap();
    body
}

#[tokio::test(start_paused = true)]
async fn a_claim_takes_nothing_from_other_claims() {
    let ledger = ledger();
    let here = address("192.0.2.1");
    let _forged = ledger.claim(here, "AIDA1").take(2 * MIB).await.unwrap();
    let _forms = ledger.address(here).take(2 * MIB).await.unwrap();
    assert!(ledger.claim(here, "AIDA1").try_take(MIB).is_none());
    assert!(ledger.claim(here, "AIDA2").try_take(MIB).is_some());
    assert!(ledger.claim(address("192.0.2.2"), "AIDA1").try_take(MIB).is_some());
}

#[tokio::test(start_paused = true)]
async fn claims_together_leave_room_for_principals() {
    let ledger = ledger();
    let claim = |at: u8| ledger.claim(IpAddr::from([192, 0, 2, at]), "AIDA1");
    let held: Vec<_> = (0..64).filter_map(|at| claim(at).try_take(MIB)).collect();
    assert_eq!(held.len(), 3, "large charges have three quarters of a quarter");
    assert!(ledger.principal(&account("111111111111"), "AIDA1").try_take(4 * MIB).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_stalled_claim_is_ended_for_another_within_a_second() {
    let ledger = ledger();
    let here = address("192.0.2.1");
    let forged = stalled(&ledger.claim(here, "AIDA1")).await;
    let _other = ledger.claim(address("192.0.2.9"), "AIDA9").take(MIB).await.unwrap();
    let ends = forged.given_up();
    let begun = Instant::now();
    let honest = ledger.claim(here, "AIDA2");
    let waiter = tokio::spawn(async move { honest.take(2 * MIB).await.map(|_| ()) });
    ends.await;
    drop(forged);
    assert_eq!(waiter.await.unwrap(), Ok(()));
    assert!(begun.elapsed() < Duration::from_secs(1), "took {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn only_as_many_bodies_end_as_the_waiting_charges_need() {
    let ledger = ledger();
    let share = ledger.address(address("192.0.2.1"));
    let mut bodies = Vec::new();
    for _ in 0..8 {
        let mut body = Reading::begin(&share, 256 * 1024, 1).await.unwrap();
        body.make_room(256 * 1024).await.unwrap();
        bodies.push(tokio::spawn(async move {
            body.given_up().await;
            // It keeps its memory for a while, and is not counted twice.
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(body);
        }));
    }
    let waiters: Vec<_> = (0..2)
        .map(|_| {
            let share = Arc::clone(&share);
            tokio::spawn(async move { share.take(512 * 1024).await.unwrap() })
        })
        .collect();
    let mut charges = Vec::new();
    for waiter in waiters {
        charges.push(waiter.await.unwrap());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ended = bodies.iter().filter(|body| body.is_finished()).count();
    assert_eq!(ended, 3, "1 MiB is wanted and 256 KiB of it are free");
}

#[tokio::test(start_paused = true)]
async fn windows_are_wide_while_there_is_room_for_them() {
    let ledger = ledger();
    let mut wide: Vec<_> = (0..4).map(|_| ledger.window()).collect();
    assert!(wide.iter().all(|window| (window.bytes(), window.of_stream()) == (512 << 10, 256 << 10)));
    assert_eq!(ledger.window().bytes(), 65_535, "2 MiB are for wide ones");
    wide.pop();
    assert_eq!(ledger.window().bytes(), 512 << 10);
    assert_eq!(ledger.most_windows(), 64);
}

#[tokio::test(start_paused = true)]
async fn the_beginning_of_a_large_body_is_not_a_small_charge() {
    let ledger = ledger();
    let share = ledger.claim(address("192.0.2.1"), "AIDA1");
    let mut begun = Vec::new();
    while let Ok(Ok(body)) =
        tokio::time::timeout(Duration::from_millis(1), Reading::begin(&share, 2 * MIB, 1)).await
    {
        begun.push(body);
    }
    assert_eq!(ledger.held(), 2 * MIB + MIB / 4);
    assert!(Reading::begin(&share, 1024, 4).await.is_ok(), "a small body does not wait for them");
}

#[tokio::test(start_paused = true)]
async fn greedy_shares_leave_a_quarter_and_end_first() {
    let ledger = ledger();
    let here = address("192.0.2.1");
    // Large charges of all claims together have 3 MiB; the greedy ones 2.25 MiB of it.
    let forged = stalled(&ledger.claim(here, "AIDA1")).await;
    assert!(ledger.claim(here, "AIDA1").try_take(512 * 1024).is_none());
    let honest_share = ledger.claim(here, "AIDA2");
    let mut honest = Reading::begin(&honest_share, 512 * 1024, 1).await.unwrap();
    honest.make_room(128 * 1024).await.unwrap();
    tokio::time::sleep(GRACE_IS_OVER).await;
    // A charge waits. Of the two stalled bodies, the greedy one is ended.
    let other = ledger.claim(here, "AIDA3");
    let waiter = tokio::spawn(async move { other.take(MIB).await.map(|_| ()) });
    forged.given_up().await;
    drop(forged);
    assert_eq!(waiter.await.unwrap(), Ok(()));
    let honest_ends = tokio::time::timeout(Duration::from_millis(1), honest.given_up()).await;
    assert!(honest_ends.is_err());
}

#[tokio::test(start_paused = true)]
async fn many_waiting_large_charges_do_not_refuse_a_small_one() {
    let ledger = ledger();
    let share = ledger.principal(&account("111111111111"), "AIDA1");
    let all: Vec<_> = (0..96).map_while(|_| share.try_take(SMALL_BYTES)).collect();
    let large: Vec<_> = (0..300)
        .map(|_| {
            let share = Arc::clone(&share);
            tokio::spawn(async move { share.take(MIB).await.map(|_| ()) })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        large.iter().filter(|charge| charge.is_finished()).count(),
        44,
        "256 wait, the others are refused"
    );
    let small = tokio::spawn(async move { share.take(1024).await.map(|_| ()) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!small.is_finished());
    drop(all);
    assert_eq!(small.await.unwrap(), Ok(()));
}

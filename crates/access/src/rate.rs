//! The rates of ECR: how many requests of an operation an account may send in a second ("Amazon ECR service quotas",
//! "Rate of … requests"). They are settings of the operator; an account can have its own.

use std::collections::{BTreeMap, HashMap};

use aws::ids::AccountId;

use crate::op::{EcrOp, EcrPublicOp, Op};

/// Why a rate cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRate {
    /// No operation with a rate has this name.
    #[error("there is no rate `{0}`")]
    Unknown(String),
    /// The value is not in the range.
    #[error("{0} must be from 1 to {MOST} requests per second")]
    OutOfRange(&'static str),
}

/// The maximum of every rate, in requests per second.
pub const MOST: u64 = 1_000_000;

macro_rules! rates {
    ($($setting:ident: $op:ident = $default:literal;)*) => {
        /// An operation of ECR that has a rate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the names are those of ECR's operations")]
        pub enum Rate { $($op,)* }

        impl Rate {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$op,)*];

            const fn of_ecr(op: EcrOp) -> Option<Self> {
                match op {
                    $(EcrOp::$op => Some(Self::$op),)*
                    _ => None,
                }
            }

            /// The name of the setting.
            pub const fn setting(self) -> &'static str {
                match self { $(Self::$op => stringify!($setting),)* }
            }

            /// The name that AWS gives the quota.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$op => concat!("Rate of ", stringify!($op), " requests"),)* }
            }

            /// The name of the operation.
            pub const fn operation(self) -> &'static str {
                match self { $(Self::$op => stringify!($op),)* }
            }

            /// AWS's default, in requests per second.
            pub const fn default_per_second(self) -> u64 {
                match self { $(Self::$op => $default,)* }
            }
        }
    };
}

rates! {
    batch_check_layer_availability: BatchCheckLayerAvailability = 1_000;
    batch_get_image: BatchGetImage = 2_000;
    complete_layer_upload: CompleteLayerUpload = 100;
    get_authorization_token: GetAuthorizationToken = 500;
    get_download_url_for_layer: GetDownloadUrlForLayer = 3_000;
    initiate_layer_upload: InitiateLayerUpload = 100;
    put_image: PutImage = 10;
    upload_layer_part: UploadLayerPart = 500;
}

impl Rate {
    /// The rate of an operation; None if it has none. An operation of ECR Public has the rate of ECR's operation of the
    /// same name, and both count together.
    pub const fn of(op: Op) -> Option<Self> {
        match op {
            Op::Ecr(op) => Self::of_ecr(op),
            Op::EcrPublic(op) => Self::of_ecr_public(op),
            _ => None,
        }
    }

    const fn of_ecr_public(op: EcrPublicOp) -> Option<Self> {
        match op {
            EcrPublicOp::BatchCheckLayerAvailability => Some(Self::BatchCheckLayerAvailability),
            EcrPublicOp::CompleteLayerUpload => Some(Self::CompleteLayerUpload),
            EcrPublicOp::GetAuthorizationToken => Some(Self::GetAuthorizationToken),
            EcrPublicOp::InitiateLayerUpload => Some(Self::InitiateLayerUpload),
            EcrPublicOp::PutImage => Some(Self::PutImage),
            EcrPublicOp::UploadLayerPart => Some(Self::UploadLayerPart),
            _ => None,
        }
    }
}

/// The rates that are not AWS's defaults.
type Changed = BTreeMap<Rate, u64>;

/// The rates of every account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Whether requests over their rate are refused.
    pub enabled: bool,
    all: Changed,
    accounts: HashMap<AccountId, Changed>,
}

impl Rates {
    /// AWS's rates.
    pub fn of_ecr() -> Self {
        Self { enabled: true, ..Self::default() }
    }

    /// Changes a rate of one account, or of all accounts without their own.
    pub fn set(
        &mut self,
        account: Option<&AccountId>,
        setting: &str,
        per_second: u64,
    ) -> std::result::Result<(), InvalidRate> {
        let rate = Rate::ALL.iter().copied().find(|rate| rate.setting() == setting);
        let rate = rate.ok_or_else(|| InvalidRate::Unknown(setting.to_owned()))?;
        if !(1..=MOST).contains(&per_second) {
            return Err(InvalidRate::OutOfRange(rate.setting()));
        }
        let changed = match account {
            Some(account) => self.accounts.entry(account.clone()).or_default(),
            None => &mut self.all,
        };
        changed.insert(rate, per_second);
        Ok(())
    }

    /// The requests per second that an account may send.
    pub fn per_second(&self, account: &AccountId, rate: Rate) -> u64 {
        let own = self.accounts.get(account).and_then(|own| own.get(&rate));
        own.copied().unwrap_or_else(|| self.per_second_of_all(rate))
    }

    /// The requests per second of an account that has no rate of its own.
    pub fn per_second_of_all(&self, rate: Rate) -> u64 {
        self.all.get(&rate).copied().unwrap_or(rate.default_per_second())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_setting_has_the_name_of_its_operation() {
        for op in Op::all() {
            if let Some(rate) = Rate::of(op) {
                let letters = |text: &str| text.replace('_', "").to_lowercase();
                assert_eq!(letters(rate.setting()), letters(op.name()));
                assert_eq!(rate.name(), format!("Rate of {} requests", op.name()));
            }
        }
        let of = |is_public| {
            let ops = Op::all().filter(move |op| matches!(op, Op::EcrPublic(_)) == is_public);
            ops.filter_map(Rate::of).collect::<BTreeSet<_>>()
        };
        assert_eq!(of(false).len(), Rate::ALL.len());
        // An operation of ECR Public that has the name of a rate has the rate.
        let names: BTreeSet<_> = Rate::ALL.iter().map(|rate| rate.operation()).collect();
        let public = Op::all().filter(|op| matches!(op, Op::EcrPublic(_)) && names.contains(op.name()));
        assert_eq!(of(true).len(), public.count());
    }

    #[test]
    fn a_rate_of_an_account_overrides_the_rate_of_all() {
        let [one, two]: [AccountId; 2] = ["111122223333", "444455556666"].map(|id| id.parse().unwrap());
        let mut rates = Rates::of_ecr();
        assert_eq!(rates.per_second(&one, Rate::PutImage), 10);
        rates.set(None, "put_image", 20).unwrap();
        rates.set(Some(&one), "put_image", 30).unwrap();
        assert_eq!(rates.per_second(&one, Rate::PutImage), 30);
        assert_eq!(rates.per_second(&two, Rate::PutImage), 20);
        assert_eq!(rates.per_second(&one, Rate::BatchGetImage), 2_000);
    }

    #[test]
    fn a_rate_is_set_within_its_range() {
        let mut rates = Rates::default();
        for out in [0, MOST + 1] {
            assert_eq!(rates.set(None, "put_image", out), Err(InvalidRate::OutOfRange("put_image")));
        }
        let unknown = Err(InvalidRate::Unknown("put_images".to_owned()));
        assert_eq!(rates.set(None, "put_images", 5), unknown);
        assert_eq!(rates, Rates::default());
    }
}

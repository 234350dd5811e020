//! The codes of MFA devices in requests for sessions. A code is used once, and attempts are limited.

use access::context::{Caller, Ctx, micros};
use access::effects::authority;
use access::error::{AwsCode, Code, Error, Result};
use access::permit::Permit;
use access::seal::Purpose;
use access::store::{CountMfaAttempt, FindMfaDevice, RefusedExt as _, UseMfaCode};
use access::totp::Seed;
use jiff::{SignedDuration, Timestamp};

use crate::Identity;

/// Codes that may be wrong in a row. After that, no code of the device is accepted for a time.
const ATTEMPTS: i64 = 5;
const LOCKED: SignedDuration = SignedDuration::from_mins(15);

/// AWS's text. It is the same for each cause, so that nobody learns which devices exist.
fn failed() -> Error {
    let message = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
    Error::new(Code::AccessDenied, message)
}

impl Identity {
    /// Counts an attempt to use a device. If there were too many, the error is `refused`.
    pub(crate) async fn count_mfa_attempt(
        &self,
        ctx: &Ctx,
        serial_number: &str,
        refused: fn() -> Error,
    ) -> Result<()> {
        let permit = Permit::for_service(authority::UseMfaDevices, &self.access);
        let forget_before = micros(ctx.now.saturating_sub(LOCKED).unwrap_or(Timestamp::MIN));
        let count = CountMfaAttempt {
            serial_number: serial_number.to_owned(),
            most: ATTEMPTS,
            forget_before,
            at: ctx.at(),
        };
        permit.write(|()| count).await.or_refused(|_| refused())
    }

    /// Whether the request proves that the caller has its device: it has a code, which is then used. A wrong code is an
    /// error.
    pub(super) async fn check_mfa(
        &self,
        ctx: &Ctx,
        caller: &Caller,
        presented: (Option<&String>, Option<&String>),
    ) -> Result<bool> {
        let (serial_number, code) = match presented {
            (None, None) => return Ok(false),
            (Some(serial_number), Some(code)) => (serial_number, code),
            _ => {
                let message = "Both SerialNumber and TokenCode are needed to use an MFA device.";
                return Err(Error::aws(AwsCode::ValidationError, message));
            }
        };
        let permit = Permit::for_service(authority::UseMfaDevices, &self.access);
        let find = FindMfaDevice { serial_number: serial_number.clone() };
        let device = permit.read(|()| find).await?;
        let own = device.filter(|device| device.owner.as_ref() == Some(&caller.unique_id));
        let device = own.ok_or_else(failed)?;
        self.count_mfa_attempt(ctx, serial_number, failed).await?;
        let seed = self.access.keys.open_value(Purpose::MfaSeed, &device.sealed_seed);
        let seed = Seed::new(&seed.map_err(Error::internal)?);
        let step = seed.step_of(code, device.drift, ctx.now).ok_or_else(failed)?;
        let (serial_number, owner) = (serial_number.clone(), caller.unique_id.clone());
        permit.write(|()| UseMfaCode { serial_number, owner, step }).await.or_refused(|_| failed())?;
        Ok(true)
    }
}

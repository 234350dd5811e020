//! Virtual MFA devices of users: a seed that an authenticator app and the deployment share. The seed is sealed in the
//! store, and shown once.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::iam;
use access::permit::{Of, Permit, ResourceKey};
use access::quota;
use access::seal::Purpose;
use access::store::{
    CreateMfaDevice, CreateMfaDeviceRefusal, DeactivateMfaDevice, DeleteMfaDevice, DeleteMfaDeviceRefusal,
    EnableMfaDevice, EnableMfaDeviceRefusal, Entity, EntityKind, FindEntityById, FindMfaDevice,
    ListMfaDevices, MfaDevice as Device, RefusedExt as _, SynchronizeMfaDevice,
};
use access::totp::{Matched, Seed};
use aws::iam::{
    AssignmentStatusType, CreateVirtualMFADeviceRequest, CreateVirtualMFADeviceResponse,
    DeactivateMFADeviceRequest, DeleteVirtualMFADeviceRequest, EnableMFADeviceRequest, ListMFADevicesRequest,
    ListMFADevicesResponse, ListVirtualMFADevicesRequest, ListVirtualMFADevicesResponse, MFADevice,
    ResyncMFADeviceRequest, VirtualMFADevice,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::entity::{entity_at, own_entity_at};
use super::qr_code;
use super::user::{Whom, listed_user, whom};
use super::{Permitted, time};
use crate::Identity;

/// Bytes of a seed: AWS's have 40, of which authenticator apps use all.
const SEED_BYTES: usize = 40;

fn gone(serial_number: &str) -> Error {
    let message = format!("VirtualMFADevice with serial number {serial_number} doesn't exist.");
    Error::aws(AwsCode::NoSuchEntity, message)
}

fn invalid_code() -> Error {
    Error::aws(AwsCode::InvalidAuthenticationCode, "Authentication code for device is not valid.")
}

/// Base 32 without padding (RFC 4648).
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for group in bytes.chunks(5) {
        let mut five = [0_u8; 5];
        five.iter_mut().zip(group).for_each(|(to, from)| *to = *from);
        let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let characters = (group.len() * 8).div_ceil(5);
        for at in 0..characters {
            let index = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'A')));
        }
    }
    text
}

impl Identity {
    fn seed_of(&self, device: &Device) -> Result<Seed> {
        let seed = self.access.keys.open_value(Purpose::MfaSeed, &device.sealed_seed);
        Ok(Seed::new(&seed.map_err(Error::internal)?))
    }

    /// The device of the account with this serial number.
    async fn device_of(
        &self,
        permit: &impl access::permit::Reads<FindMfaDevice>,
        ctx: &Ctx,
        serial_number: &str,
    ) -> Result<Device> {
        let found = permit.look_up(FindMfaDevice { serial_number: serial_number.to_owned() }).await?;
        let own = found.filter(|device| device.account_id == ctx.caller.account_id);
        own.ok_or_else(|| gone(serial_number))
    }

    /// Where two consecutive codes show the clock of a device to be.
    fn matched(&self, ctx: &Ctx, device: &Device, codes: (&str, &str)) -> Result<Matched> {
        self.seed_of(device)?.matched(codes, ctx.now).ok_or_else(invalid_code)
    }

    async fn user_for<E: access::op::Effect<On = access::permit::OnAccount>>(
        &self,
        ctx: &Ctx,
        name: Option<String>,
    ) -> Result<(Permit<Of<E>>, String)> {
        let gate = self.access.account_gate(ctx).await?;
        match whom::<E>(&gate, name)? {
            Whom::User(name) => {
                let named = (EntityKind::User, name.as_str());
                let user = own_entity_at::<E>(&gate, named, policy::Context::new()).await?;
                Ok((user.permit, user.on.unique_id))
            }
            Whom::Root(permit) => Ok((permit, ctx.caller.unique_id.clone())),
        }
    }

    /// Creates a device that is not enabled yet. The seed is in this answer only.
    pub async fn create_virtual_mfa_device(
        &self,
        ctx: &Ctx,
        input: CreateVirtualMFADeviceRequest,
    ) -> Result<CreateVirtualMFADeviceResponse> {
        let (path, name) = (input.path.unwrap_or_else(|| "/".to_owned()), input.virtual_mfa_device_name);
        let account = &ctx.caller.account_id;
        let serial_number = format!("arn:aws:iam::{account}:mfa{path}{name}");
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::CreateVirtualMFADevice>(&serial_number, policy::Context::new())?;
        if !input.tags.is_empty() {
            return Err(Error::aws(AwsCode::InvalidInput, "MFA devices cannot have tags in this version."));
        }
        let mut bytes = [0_u8; SEED_BYTES];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal(access::seal::SealError::Failed))?;
        let create = CreateMfaDevice {
            account: permit.account_key().await?,
            serial_number: serial_number.clone(),
            sealed_seed: self.access.keys.seal(Purpose::MfaSeed, &bytes).map_err(Error::internal)?,
            limit: quota::UNASSIGNED_MFA_DEVICES.limit(),
            at: ctx.at(),
        };
        permit.write(|_| create).await.or_refused(|refusal| match refusal {
            CreateMfaDeviceRefusal::Exists => Error::aws(
                AwsCode::EntityAlreadyExists,
                "MFADevice entity at the same path and name already exists.",
            ),
            CreateMfaDeviceRefusal::Limit => quota::UNASSIGNED_MFA_DEVICES.exceeded(),
        })?;
        let seed = base32(&bytes);
        let link = format!("otpauth://totp/Wharf:{name}@{account}?secret={seed}&issuer=Wharf");
        Ok(CreateVirtualMFADeviceResponse {
            virtual_mfa_device: VirtualMFADevice {
                serial_number,
                base32_string_seed: Some(STANDARD.encode(&seed)),
                qr_code_png: qr_code::png(&link).map(|png| STANDARD.encode(png)),
                user: None,
                enable_date: None,
                tags: Vec::new(),
            },
        })
    }

    /// Gives a device to a user, who shows two consecutive codes of it.
    pub async fn enable_mfa_device(&self, ctx: &Ctx, input: EnableMFADeviceRequest) -> Result<()> {
        let serial_number = input.serial_number;
        let (permit, _) = self.user_for::<iam::EnableMFADevice>(ctx, Some(input.user_name)).await?;
        let device = self.device_of(&permit, ctx, &serial_number).await?;
        let taken = || {
            let message = "MFADevice entity with the same serial number is already associated with a user.";
            Error::aws(AwsCode::EntityAlreadyExists, message)
        };
        if device.owner.is_some() {
            return Err(taken());
        }
        let codes = (input.authentication_code1.as_str(), input.authentication_code2.as_str());
        let Matched { step, drift } = self.matched(ctx, &device, codes)?;
        let (limit, at) = (quota::MFA_DEVICES_PER_USER.limit(), ctx.at());
        let number = serial_number.clone();
        let enable = |key: ResourceKey| EnableMfaDevice {
            owner: key.id,
            serial_number: number,
            step,
            drift,
            limit,
            at,
        };
        permit.write(enable).await.or_refused(|refusal| match refusal {
            EnableMfaDeviceRefusal::Gone => gone(&serial_number),
            EnableMfaDeviceRefusal::Taken => taken(),
            EnableMfaDeviceRefusal::Limit => quota::MFA_DEVICES_PER_USER.exceeded(),
        })
    }

    /// Synchronizes a device whose clock is off.
    pub async fn resync_mfa_device(&self, ctx: &Ctx, input: ResyncMFADeviceRequest) -> Result<()> {
        let serial_number = input.serial_number;
        let (permit, owner) = self.user_for::<iam::ResyncMFADevice>(ctx, Some(input.user_name)).await?;
        let device = self.device_of(&permit, ctx, &serial_number).await?;
        if device.owner.as_ref() != Some(&owner) {
            return Err(gone(&serial_number));
        }
        self.count_mfa_attempt(ctx, &serial_number, invalid_code).await?;
        let codes = (input.authentication_code1.as_str(), input.authentication_code2.as_str());
        let Matched { step, drift } = self.matched(ctx, &device, codes)?;
        let synchronize =
            |key: ResourceKey| SynchronizeMfaDevice { owner: key.id, serial_number, step, drift };
        permit.write(synchronize).await.or_refused(|_| invalid_code())
    }

    /// Takes a device away from a user.
    pub async fn deactivate_mfa_device(&self, ctx: &Ctx, input: DeactivateMFADeviceRequest) -> Result<()> {
        let (permit, _) = self.user_for::<iam::DeactivateMFADevice>(ctx, input.user_name).await?;
        let serial_number = input.serial_number.clone();
        let deactivate = |key: ResourceKey| DeactivateMfaDevice { owner: key.id, serial_number };
        permit.write(deactivate).await.or_refused(|_| gone(&input.serial_number))
    }

    /// Deletes a device that nobody has.
    pub async fn delete_virtual_mfa_device(
        &self,
        ctx: &Ctx,
        input: DeleteVirtualMFADeviceRequest,
    ) -> Result<()> {
        let serial_number = input.serial_number;
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::DeleteVirtualMFADevice>(&serial_number, policy::Context::new())?;
        let number = serial_number.clone();
        let delete = |account_id| DeleteMfaDevice { account_id, serial_number: number };
        permit.write(delete).await.or_refused(|refusal| match refusal {
            DeleteMfaDeviceRefusal::Gone => gone(&serial_number),
            DeleteMfaDeviceRefusal::Taken => {
                let message = "MFA VirtualDevice in use. Must deactivate first.";
                Error::aws(AwsCode::DeleteConflict, message)
            }
        })
    }

    /// The devices of a user; without a name, of the caller.
    pub async fn list_mfa_devices(
        &self,
        ctx: &Ctx,
        input: ListMFADevicesRequest,
    ) -> Result<ListMFADevicesResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let (permit, owner, user_name) = match whom::<iam::ListMFADevices>(&gate, input.user_name)? {
            Whom::User(name) => {
                let named = (EntityKind::User, name.as_str());
                let Permitted { permit, on, .. } =
                    entity_at::<iam::ListMFADevices>(&gate, named, policy::Context::new()).await?;
                (permit, on.unique_id, on.name)
            }
            Whom::Root(permit) => (permit, ctx.caller.unique_id.clone(), "root".to_owned()),
        };
        let page =
            self.page_of(format!("MFA devices of {owner}"), input.marker.as_deref(), input.max_items)?;
        let list = ListMfaDevices {
            account_id: ctx.caller.account_id.clone(),
            owner: Some(owner),
            after: page.after.clone(),
            limit: page.limit + 1,
        };
        let mut devices = permit.read(|_| list).await?;
        let marker = self.cut(&page, &mut devices, |device| device.serial_number.clone())?;
        let shown = devices.into_iter().map(|device| MFADevice {
            user_name: user_name.clone(),
            serial_number: device.serial_number,
            enable_date: device.enabled_at.map(time).unwrap_or_default().into(),
        });
        Ok(ListMFADevicesResponse { mfa_devices: shown.collect(), is_truncated: marker.is_some(), marker })
    }

    /// MFA devices of the account. AWS's denials show this resource, which contains no user.
    pub async fn list_virtual_mfa_devices(
        &self,
        ctx: &Ctx,
        input: ListVirtualMFADevicesRequest,
    ) -> Result<ListVirtualMFADevicesResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let arn = format!("arn:aws:iam::{}:mfa/", ctx.caller.account_id);
        let permit = gate.permit_on::<iam::ListVirtualMFADevices>(&arn, policy::Context::new())?;
        let page = self.page_of("MFA devices".to_owned(), input.marker.as_deref(), input.max_items)?;
        let (after, limit) = (page.after.clone(), page.limit + 1);
        let list = |account_id| ListMfaDevices { account_id, owner: None, after, limit };
        let mut devices = permit.read(list).await?;
        let marker = self.cut(&page, &mut devices, |device| device.serial_number.clone())?;
        let is_shown = |device: &Device| match input.assignment_status {
            Some(AssignmentStatusType::Assigned) => device.owner.is_some(),
            Some(AssignmentStatusType::Unassigned) => device.owner.is_none(),
            Some(AssignmentStatusType::Any) | None => true,
        };
        let mut shown = Vec::new();
        for device in devices.into_iter().filter(is_shown) {
            let user: Option<Entity> = match device.owner {
                Some(unique_id) => permit.read(|_| FindEntityById { unique_id }).await?,
                None => None,
            };
            shown.push(VirtualMFADevice {
                serial_number: device.serial_number,
                base32_string_seed: None,
                qr_code_png: None,
                user: user.map(listed_user),
                enable_date: device.enabled_at.map(|at| time(at).into()),
                tags: Vec::new(),
            });
        }
        Ok(ListVirtualMFADevicesResponse {
            virtual_mfa_devices: shown,
            is_truncated: marker.is_some(),
            marker,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10, without padding.
    #[test]
    fn seeds_are_base_32() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }
}

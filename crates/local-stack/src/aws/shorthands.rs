//! The calls that the local stack makes often.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::xml::{blocks, tag_value, tag_values};
use super::{Credentials, Emulator, Error};

const CLOUDFORMATION: &str = "2010-05-15";
const IAM: &str = "2010-05-08";
const STS: &str = "2011-06-15";

/// A resource of a deployed stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackResource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name or ARN in the account; empty while it is being made.
    pub physical_id: String,
    /// Its type, for example `AWS::ECS::Service`.
    pub kind: String,
}

impl Emulator {
    /// Temporary credentials of a role.
    pub async fn assume_role(&self, role_arn: &str, session_name: &str) -> Result<Credentials, Error> {
        let xml = self.query("sts", "AssumeRole", STS, &[("RoleArn", role_arn), ("RoleSessionName", session_name)]).await?;
        let part = |tag: &str| tag_value(&xml, tag).ok_or_else(|| Error::Unexpected(format!("AssumeRole without {tag}")));
        Ok(Credentials {
            access_key_id: part("AccessKeyId")?,
            secret_access_key: SecretString::from(part("SecretAccessKey")?),
            session_token: Some(SecretString::from(part("SessionToken")?)),
            expiration: tag_value(&xml, "Expiration"),
        })
    }

    /// A role's trust policy, as JSON text.
    pub async fn trust_policy(&self, role_name: &str) -> Result<String, Error> {
        let xml = self.query("iam", "GetRole", IAM, &[("RoleName", role_name)]).await?;
        let policy = tag_value(&xml, "AssumeRolePolicyDocument").ok_or_else(|| Error::Unexpected("GetRole without a policy".to_owned()))?;
        Ok(plain(policy))
    }

    /// Replaces a role's trust policy.
    pub async fn set_trust_policy(&self, role_name: &str, policy: &str) -> Result<(), Error> {
        self.query("iam", "UpdateAssumeRolePolicy", IAM, &[("RoleName", role_name), ("PolicyDocument", policy)]).await.map(drop)
    }

    /// All identity policies of a role, inline and attached, as JSON.
    pub async fn role_policies(&self, role_name: &str) -> Result<Vec<Value>, Error> {
        let mut texts = Vec::new();
        let role = ("RoleName", role_name);
        for name in tag_values(&self.query("iam", "ListRolePolicies", IAM, &[role]).await?, "member") {
            let xml = self.query("iam", "GetRolePolicy", IAM, &[role, ("PolicyName", &name)]).await?;
            texts.extend(tag_value(&xml, "PolicyDocument"));
        }
        for arn in tag_values(&self.query("iam", "ListAttachedRolePolicies", IAM, &[role]).await?, "PolicyArn") {
            let xml = self.query("iam", "GetPolicy", IAM, &[("PolicyArn", &arn)]).await?;
            let Some(version) = tag_value(&xml, "DefaultVersionId") else { continue };
            let xml = self.query("iam", "GetPolicyVersion", IAM, &[("PolicyArn", &arn), ("VersionId", &version)]).await?;
            texts.extend(tag_value(&xml, "Document"));
        }
        let read = |text: String| {
            serde_json::from_str(&plain(text)).map_err(|error| Error::Unexpected(format!("a policy of {role_name}: {error}")))
        };
        texts.into_iter().map(read).collect()
    }

    /// A stack's status; `None` when there is no such stack.
    pub async fn stack_status(&self, stack: &str) -> Result<Option<String>, Error> {
        match self.query("cloudformation", "DescribeStacks", CLOUDFORMATION, &[("StackName", stack)]).await {
            Ok(xml) => Ok(tag_value(&xml, "StackStatus")),
            Err(error) if error.kind() == Some("ValidationError") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A stack's outputs by their keys.
    pub async fn stack_outputs(&self, stack: &str) -> Result<BTreeMap<String, String>, Error> {
        let xml = self.query("cloudformation", "DescribeStacks", CLOUDFORMATION, &[("StackName", stack)]).await?;
        let outputs = blocks(&xml, "Outputs").first().map(|inside| blocks(inside, "member")).unwrap_or_default();
        Ok(outputs.into_iter().filter_map(|output| Some((tag_value(output, "OutputKey")?, tag_value(output, "OutputValue")?))).collect())
    }

    /// A stack's resources.
    pub async fn stack_resources(&self, stack: &str) -> Result<Vec<StackResource>, Error> {
        let xml = self.query("cloudformation", "DescribeStackResources", CLOUDFORMATION, &[("StackName", stack)]).await?;
        let resource = |block: &str| {
            let physical_id = tag_value(block, "PhysicalResourceId").unwrap_or_default();
            Some(StackResource { logical_id: tag_value(block, "LogicalResourceId")?, physical_id, kind: tag_value(block, "ResourceType")? })
        };
        Ok(blocks(&xml, "member").into_iter().filter_map(resource).collect())
    }

    /// Writes an SSM parameter, over an older value.
    pub async fn put_parameter(&self, name: &str, value: &SecretString, secure: bool) -> Result<(), Error> {
        use secrecy::ExposeSecret;
        let kind = if secure { "SecureString" } else { "String" };
        let body = json!({"Name": name, "Value": value.expose_secret(), "Type": kind, "Overwrite": true});
        self.json("ssm", "AmazonSSM.PutParameter", &body).await.map(drop)
    }
}

/// A policy document as text: IAM encodes it for URLs.
fn plain(policy: String) -> String {
    if policy.starts_with('%') { decoded(&policy) } else { policy }
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

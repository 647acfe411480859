//! The options that there are, and how they are read.

use palladium_component::prelude::*;
use palladium_component::value::nearest;
use palladium_component::{Range, Record, describe};

/// What the map is.
pub(super) static STORAGE: Record = Record {
    name: "a map of options of the storage",
    fields: &[
        option(
            "timeout",
            ParamType::Float,
            Literal::Float(30.0),
            range(0.1, 3600.0),
            "For how many seconds a connection may not be made, and nothing may be heard of the server.",
        ),
        option(
            "max_time",
            ParamType::Float,
            Literal::Float(3600.0),
            range(0.1, 604_800.0),
            "How many seconds it may take to fetch a file.",
        ),
        option(
            "max_size",
            ParamType::Int,
            Literal::Int(16 << 30),
            Range { min: Some(1.0), ..Range::ANY },
            "How many bytes a file may have that is fetched, and a compressed one when it is unpacked.",
        ),
        option(
            "retries",
            ParamType::Int,
            Literal::Int(3),
            range(0.0, 20.0),
            "How often a request is repeated that may well succeed a little later.",
        ),
        given(
            "headers",
            &ParamType::Map(&ParamType::Text),
            "`http`: further headers of requests, such as `Authorization`, usually with `${environ.NAME}`. They are\n\
             secret, and sent to no other server.",
        ),
        flag(
            "cross_origin_redirects",
            "`http`: whether redirects to another server are followed. It is sent neither `headers` nor a password.",
        ),
        given(
            "ca_file",
            &ParamType::Text,
            "`http` and `s3`: a file with the certificates, in the format PEM, of authorities that are trusted besides\n\
             those of the system.",
        ),
        given("endpoint", &ParamType::Text, "`s3`, `gs` and `az`: the URL of another service than that of the cloud."),
        flag("allow_http", "`s3`, `gs` and `az`: whether `endpoint` may do without TLS."),
        flag("anonymous", "`s3`, `gs` and `az`: whether requests are made without credentials, for public data."),
        given(
            "region",
            &ParamType::Text,
            "`s3`: the region of the bucket. Without it the one of the profile counts, then `AWS_REGION` and\n\
             `AWS_DEFAULT_REGION`, then `us-east-1`.",
        ),
        given(
            "profile",
            &ParamType::Text,
            "`s3`: a profile of `~/.aws/credentials` and `~/.aws/config`, which has to have keys. Without it\n\
             `AWS_PROFILE` counts, then `default`.",
        ),
        given(
            "access_key_id",
            &ParamType::Text,
            "`s3`: the name of a key, usually `${environ.NAME}`. Without it keys come from the profile that is asked for,\n\
             from the environment, from the default profile, from a web identity, from the container or from the machine.",
        ),
        given("secret_access_key", &ParamType::Text, "`s3`: the key itself, usually `${environ.NAME}`."),
        given("session_token", &ParamType::Text, "`s3`: what temporary keys need besides."),
        flag("virtual_hosted_style", "`s3`: whether the bucket is part of the name of the host."),
        given(
            "account",
            &ParamType::Text,
            "`az`: the name of the storage account. Without it `AZURE_STORAGE_ACCOUNT_NAME` counts.",
        ),
        given(
            "access_key",
            &ParamType::Text,
            "`az`: a key of the account, usually `${environ.NAME}`. Without it and `sas_token` credentials come from the\n\
             variables that begin with `AZURE_`, a workload identity or the identity of the machine.",
        ),
        given("sas_token", &ParamType::Text, "`az`: a shared access signature, in the place of `access_key`."),
        flag("emulator", "`az`: whether the service is the emulator Azurite, with its account and key."),
        given(
            "service_account",
            &ParamType::Text,
            "`gs`: the file with the key of a service account. Without it `GOOGLE_APPLICATION_CREDENTIALS` counts, then\n\
             what `gcloud auth application-default login` has written, then the machine.",
        ),
    ],
};

const fn option(name: &'static str, kind: ParamType, default: Literal, range: Range, docs: &'static str) -> Param {
    Param { name, aliases: &[], docs, kind, default: Some(default), range, rest: false }
}

const fn given(name: &'static str, kind: &'static ParamType, docs: &'static str) -> Param {
    option(name, ParamType::Optional(kind), Literal::Null, Range::ANY, docs)
}

const fn flag(name: &'static str, docs: &'static str) -> Param {
    option(name, ParamType::Bool, Literal::Bool(false), Range::ANY, docs)
}

const fn range(min: f64, max: f64) -> Range {
    Range { min: Some(min), max: Some(max), ..Range::ANY }
}

/// A map whose keys are options.
pub(super) struct Fields<'a>(Option<&'a Map>);

impl<'a> Fields<'a> {
    /// Returns no options.
    pub(super) fn none() -> Fields<'a> {
        Fields(None)
    }

    /// Returns the options of a map, all of which are known.
    pub(super) fn of(map: &'a Map) -> Result<Fields<'a>, Mismatch> {
        let names = || STORAGE.fields.iter().map(|field| field.name);
        let Some((key, entry)) = map.iter().find(|(key, _)| !names().any(|name| name == key.as_str())) else {
            return Ok(Fields(Some(map)));
        };
        let label = match nearest(key, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                format!("expected one of {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
            }
        };
        let value = Value { span: entry.key_span.clone(), ..entry.value.clone() };
        Err(Mismatch::Refused { message: format!("there is no option `{key}`"), value, label })
    }

    /// Returns the names of the options that are given.
    pub(super) fn given(&self) -> Vec<&'static str> {
        STORAGE.fields.iter().filter(|field| self.value(field).is_some()).map(|field| field.name).collect()
    }

    /// Reads an option, or its default.
    pub(super) fn read<T: FromArgument>(&self, name: &str) -> Result<T, Mismatch> {
        let field = STORAGE.fields.iter().find(|field| field.name == name);
        let default = || field.and_then(|field| field.default).unwrap_or(Literal::Null).to_value();
        let Some((field, value)) = field.and_then(|field| Some((field, self.value(field)?))) else {
            return T::from_argument(&default());
        };
        let refused = |expected: String, value: &Value, label: String| Mismatch::Refused {
            message: format!("`{name}` has to be {expected}"),
            value: value.clone(),
            label,
        };
        if value.as_float().is_some_and(|number| !field.range.contains(number)) {
            return Err(refused(field.range.to_string(), value, "out of range".to_owned()));
        }
        T::from_argument(value).map_err(|mismatch| match mismatch {
            Mismatch::Wrong { expected, value } => refused(expected, &value, format!("this is {}", describe(&value))),
            Mismatch::OutOfRange { range, value } => refused(range, &value, "out of range".to_owned()),
            mismatch => mismatch,
        })
    }

    /// Returns what is given for an option; null is nothing.
    fn value(&self, field: &Param) -> Option<&'a Value> {
        self.0?.get(field.name).map(|entry| &entry.value).filter(|value| !value.is_null())
    }
}

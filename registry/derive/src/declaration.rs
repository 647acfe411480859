//! What the attributes and doc comments say.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, Field, Ident, Lit, LitInt, LitStr, Meta, Result};

/// The attribute on the struct.
pub struct Declaration {
    pub kind: Ident,
    pub name: LitStr,
    pub aliases: Vec<LitStr>,
    pub version: Option<LitInt>,
    pub gone: Vec<(LitStr, LitStr)>,
    pub check: bool,
    pub lifecycle: bool,
}

/// The attribute on a field.
#[derive(Default)]
pub struct Parameter {
    pub name: String,
    pub aliases: Vec<LitStr>,
    pub docs: String,
    pub default: Option<Expr>,
    pub min: Option<Expr>,
    pub above: Option<Expr>,
    pub max: Option<Expr>,
    pub below: Option<Expr>,
    pub rest: bool,
}

impl Declaration {
    pub fn parse(attribute: TokenStream) -> Result<Declaration> {
        let (mut kind, mut name, mut version) = (None, None, None);
        let (mut aliases, mut gone, mut check, mut lifecycle) = (Vec::new(), Vec::new(), false, false);
        let parser = syn::meta::parser(|meta: ParseNestedMeta| {
            match meta.path.require_ident()?.to_string().as_str() {
                "name" => name = Some(meta.value()?.parse()?),
                "alias" => aliases.push(meta.value()?.parse()?),
                "version" => version = Some(meta.value()?.parse()?),
                "gone" => meta.parse_nested_meta(|meta| {
                    let name = meta.path.require_ident()?;
                    gone.push((LitStr::new(&name.to_string(), name.span()), meta.value()?.parse()?));
                    Ok(())
                })?,
                "check" => check = true,
                "lifecycle" => lifecycle = true,
                _ if kind.is_none() => kind = Some(meta.path.require_ident()?.clone()),
                _ => return Err(meta.error("expected `name`, `alias`, `version`, `gone`, `check` or `lifecycle`")),
            }
            Ok(())
        });
        parser.parse2(attribute)?;
        let here = proc_macro2::Span::call_site();
        let kind = kind.ok_or_else(|| Error::new(here, "the kind stands first, as in `#[component(Estimator, …)]`"))?;
        let name = name.ok_or_else(|| Error::new(here, "`name = \"dotted.Name\"` is missing"))?;
        Ok(Declaration { kind, name, aliases, version, gone, check, lifecycle })
    }
}

impl Parameter {
    pub fn parse(field: &Field) -> Result<Parameter> {
        let Some(ident) = &field.ident else {
            return Err(Error::new(field.span(), "parameters have names"));
        };
        let docs = docs(&field.attrs);
        if docs.is_empty() {
            return Err(Error::new(ident.span(), "a parameter needs a doc comment: it is shown to users"));
        }
        let mut parameter = Parameter { name: ident.to_string(), docs, ..Parameter::default() };
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("param")) {
            attribute.parse_nested_meta(|meta| parameter.read(&meta))?;
        }
        Ok(parameter)
    }

    fn read(&mut self, meta: &ParseNestedMeta) -> Result<()> {
        match meta.path.require_ident()?.to_string().as_str() {
            "name" => self.name = meta.value()?.parse::<LitStr>()?.value(),
            "alias" => self.aliases.push(meta.value()?.parse()?),
            "default" => self.default = Some(meta.value()?.parse()?),
            "min" => self.min = Some(meta.value()?.parse()?),
            "above" => self.above = Some(meta.value()?.parse()?),
            "max" => self.max = Some(meta.value()?.parse()?),
            "below" => self.below = Some(meta.value()?.parse()?),
            "rest" => self.rest = true,
            _ => return Err(meta.error("expected name, alias, default, min, above, max, below or rest")),
        }
        Ok(())
    }
}

/// Tells whether a field is no parameter but what the component keeps for itself.
pub fn is_state(field: &Field) -> bool {
    field.attrs.iter().any(|attribute| attribute.path().is_ident("state"))
}

/// Returns the doc comment without the blank that follows each `///`.
pub fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

//! What the attribute writes.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Expr, ExprArray, ExprLit, ExprUnary, Fields, Ident, ItemStruct, Lit, Result, UnOp};

use crate::declaration::{Declaration, Parameter, docs, is_state};

pub fn expand(attribute: TokenStream, item: ItemStruct) -> Result<TokenStream> {
    let declaration = Declaration::parse(attribute)?;
    match declaration.kind == "Model" {
        true => expand_model(&declaration, &item),
        false => expand_component(&declaration, item),
    }
}

fn expand_model(declaration: &Declaration, item: &ItemStruct) -> Result<TokenStream> {
    let (ident, name) = (&item.ident, &declaration.name);
    let Some(version) = &declaration.version else {
        return Err(Error::new(name.span(), "a model needs `version = 1`, the version of its stored form"));
    };
    Ok(quote! {
        #item

        impl ::palladium_component::interfaces::ModelFormat for #ident {
            const ID: ::palladium_component::interfaces::FormatId =
                ::palladium_component::interfaces::FormatId { name: #name, version: #version };
        }

        ::palladium_component::register!(::palladium_component::Entry::Model(&const {
            ::palladium_component::interfaces::ModelDescriptor::of::<#ident>(env!("CARGO_PKG_NAME"))
        }));
    })
}

fn expand_component(declaration: &Declaration, mut item: ItemStruct) -> Result<TokenStream> {
    let manual = docs(&item.attrs);
    if manual.is_empty() {
        return Err(Error::new(item.ident.span(), "a component needs a doc comment: it is its manual page"));
    }
    let mut params = Vec::new();
    let mut readers = Vec::new();
    let mut fields = Vec::new();
    if let Fields::Unnamed(unnamed) = &item.fields {
        return Err(Error::new_spanned(unnamed, "parameters have names"));
    }
    for field in &mut item.fields {
        let (ident, kind) = (&field.ident, &field.ty);
        if is_state(field) {
            readers.push(quote! { let #ident = Some(<#kind as ::core::default::Default>::default()); });
        } else {
            let (index, parameter) = (params.len(), Parameter::parse(field)?);
            params.push(parameter_static(&parameter, kind)?);
            readers.push(quote! { let #ident = args.read::<#kind>(&PARAMS[#index]); });
        }
        field.attrs.retain(|attribute| !attribute.path().is_ident("param") && !attribute.path().is_ident("state"));
        fields.push(field.ident.clone());
    }
    let (ident, kind, name, aliases) = (&item.ident, &declaration.kind, &declaration.name, &declaration.aliases);
    let construct = if item.fields.is_empty() { quote!(#ident {}) } else { quote!(#ident { #(#fields: #fields?,)* }) };
    let (gone, advice): (Vec<_>, Vec<_>) = declaration.gone.iter().cloned().unzip();
    let check = declaration.check.then(|| quote! { if !args.check(component.check()) { return None; } });
    let lifecycle =
        (!declaration.lifecycle).then(|| quote! { impl ::palladium_component::interfaces::Lifecycle for #ident {} });
    Ok(quote! {
        #item

        #lifecycle

        const _: () = {
            use ::palladium_component as __palladium;

            static PARAMS: &[__palladium::Param] = &[#(#params,)*];

            fn make(args: &mut __palladium::Args<'_>) -> Option<__palladium::interfaces::Component> {
                #(#readers)*
                if !args.finish() {
                    return None;
                }
                let component = #construct;
                #check
                Some(__palladium::interfaces::Component::#kind(__palladium::private::Arc::new(component)))
            }

            static DESCRIPTOR: __palladium::Descriptor = __palladium::Descriptor {
                name: #name,
                aliases: &[#(#aliases),*],
                kind: __palladium::interfaces::Kind::#kind,
                docs: #manual,
                params: PARAMS,
                gone: &[#(__palladium::Gone { name: #gone, advice: #advice },)*],
                origin: __palladium::Origin {
                    krate: env!("CARGO_PKG_NAME"),
                    version: env!("CARGO_PKG_VERSION"),
                    file: file!(),
                    line: line!(),
                },
                make,
            };

            __palladium::register!(__palladium::Entry::Component(&DESCRIPTOR));
        };
    })
}

fn parameter_static(parameter: &Parameter, kind: &syn::Type) -> Result<TokenStream> {
    let Parameter { name, aliases, docs, rest, .. } = parameter;
    let default = match &parameter.default {
        Some(default) => {
            let literal = literal(default)?;
            quote!(Some(#literal))
        }
        None if is_option(kind) => quote!(Some(__palladium::Literal::Null)),
        None => quote!(None),
    };
    let bounds =
        [("min", &parameter.min), ("above", &parameter.above), ("max", &parameter.max), ("below", &parameter.below)];
    let bounds = bounds.into_iter().map(|(name, bound)| {
        let name = format_ident!("{name}");
        match bound {
            Some(bound) => quote!(#name: Some((#bound) as f64)),
            None => quote!(#name: None),
        }
    });
    Ok(quote! {
        __palladium::Param {
            name: #name,
            aliases: &[#(#aliases),*],
            docs: #docs,
            kind: <#kind as __palladium::FromArgument>::TYPE,
            default: #default,
            range: __palladium::Range { #(#bounds),* },
            rest: #rest,
        }
    })
}

fn is_option(kind: &syn::Type) -> bool {
    matches!(kind, syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}

/// Returns a default as it stands in the descriptor.
fn literal(expression: &Expr) -> Result<TokenStream> {
    let tagged = |tag: &str, value: TokenStream| {
        let tag = Ident::new(tag, proc_macro2::Span::call_site());
        quote!(__palladium::Literal::#tag(#value))
    };
    match expression {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Bool(flag) => Ok(tagged("Bool", quote!(#flag))),
            Lit::Int(number) => Ok(tagged("Int", quote!(#number))),
            Lit::Float(number) => Ok(tagged("Float", quote!(#number))),
            Lit::Str(text) => Ok(tagged("Text", quote!(#text))),
            other => Err(Error::new_spanned(other, "a default is a flag, a number, a text or a list of them")),
        },
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match expr.as_ref() {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Ok(tagged("Int", quote!(-#number))),
            Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => Ok(tagged("Float", quote!(-#number))),
            other => Err(Error::new_spanned(other, "only numbers have a sign")),
        },
        Expr::Array(ExprArray { elems, .. }) => {
            let items: Vec<TokenStream> = elems.iter().map(literal).collect::<Result<_>>()?;
            Ok(tagged("List", quote!(&[#(#items),*])))
        }
        other => Err(Error::new_spanned(other, "a default is a flag, a number, a text or a list of them")),
    }
}

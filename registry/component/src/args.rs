//! The arguments of one component while it is constructed.

use palladium_interfaces::Failure;
use palladium_value::{
    Code, Data, Diagnostic, Diagnostics, Entry, KeyPath, Map, Span, Value, has_placeholder, nearest,
};

use crate::argument::{is_literal, label_of_wrong};
use crate::{Descriptor, Failed, FromArgument, Literal, Mismatch, Param};

/// The arguments given to one component. Reading takes them out; what is wrong is collected.
pub struct Args<'a> {
    descriptor: &'a Descriptor,
    key: &'a KeyPath,
    factory: Span,
    entries: Map,
    places: Vec<(&'static str, Value)>,
    findings: Diagnostics,
    failed: bool,
}

/// Says that arguments, each well by itself, do not make a component. From a component's `check`.
#[derive(Clone, Debug)]
pub struct ArgumentError {
    /// The parameter to point at; nothing stands for the whole component.
    pub parameter: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl ArgumentError {
    /// Returns the error about one parameter.
    pub fn new(parameter: &'static str, message: impl Into<String>) -> ArgumentError {
        ArgumentError { parameter: Some(parameter), message: message.into(), help: None }
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> ArgumentError {
        self.help = Some(help.into());
        self
    }
}

impl<'a> Args<'a> {
    /// Returns the arguments of a component that stands at `key` and is named at `factory`.
    pub fn new(descriptor: &'a Descriptor, key: &'a KeyPath, factory: Span, entries: Map) -> Args<'a> {
        let (places, findings) = (Vec::new(), Diagnostics::default());
        Args { descriptor, key, factory, entries, places, findings, failed: false }
    }

    /// Takes the argument of a parameter, or its default.
    pub fn read<T: FromArgument>(&mut self, param: &'static Param) -> Option<T> {
        if param.rest {
            return self.read_rest(param);
        }
        let Some(value) = self.take(param) else {
            return self.default(param);
        };
        let read = self.in_range(param, &value).and_then(|()| T::from_argument(&value));
        self.places.push((param.name, value));
        match read {
            Ok(read) => Some(read),
            Err(mismatch) => self.mismatch(param, mismatch),
        }
    }

    fn mismatch<T>(&mut self, param: &Param, mismatch: Mismatch) -> Option<T> {
        let (expected, value, label) = match mismatch {
            Mismatch::Reported => return self.fail(),
            Mismatch::Several(all) => {
                all.into_iter().for_each(|one| drop(self.mismatch::<T>(param, one)));
                return None;
            }
            Mismatch::Wrong { expected, value } => {
                let label = label_of_wrong(&expected, &value);
                (expected, value, label)
            }
            Mismatch::OutOfRange { range, value } => (range, value, "out of range".to_owned()),
            Mismatch::Refused { message, value, label } => {
                let message = format!("`{}` of `{}`: {message}", param.name, self.descriptor.name);
                let finding = self.finding(message).at_value(&value, label);
                return self.report(finding);
            }
        };
        let message = format!("`{}` of `{}` has to be {expected}", param.name, self.descriptor.name);
        let finding = self.finding(message).at_value(&value, label);
        let finding = unquoted(&value, &expected).into_iter().fold(finding, Diagnostic::help);
        self.report(finding)
    }

    /// Returns the argument that was read for a parameter.
    fn place(&self, name: &str) -> Option<Value> {
        self.places.iter().find(|(parameter, _)| *parameter == name).map(|(_, value)| value.clone())
    }

    fn read_rest<T: FromArgument>(&mut self, param: &'static Param) -> Option<T> {
        let entries = std::mem::take(&mut self.entries);
        let rest = Value::new(Data::Map(entries), self.factory.clone());
        match T::from_argument(&rest) {
            Ok(read) => Some(read),
            Err(mismatch) => self.mismatch(param, mismatch),
        }
    }

    /// Takes what was given under the name or an alias of a parameter.
    fn take(&mut self, param: &'static Param) -> Option<Value> {
        let mut given: Vec<(&str, Entry)> =
            param.names().filter_map(|name| Some((name, self.entries.shift_remove(name)?))).collect();
        if given.len() > 1 {
            let message = format!("`{}` is another name of `{}`: give one of them", given[1].0, given[0].0);
            let finding = self
                .finding(message)
                .at(&given[1].1.key_span, "remove one of them")
                .also(&given[0].1.key_span, "also given");
            self.report::<()>(finding);
        }
        given.drain(..).next().map(|(_, entry)| entry.value)
    }

    fn default<T: FromArgument>(&mut self, param: &'static Param) -> Option<T> {
        if let Some(default) = param.default {
            let value = default.to_value();
            if let Ok(read) = T::from_argument(&value) {
                return Some(read);
            }
            let message = format!("the default of `{}` of `{}` does not fit it", param.name, self.descriptor.name);
            return self.report(Diagnostic::new(Code::BadArguments, message).help("this is an error of the component"));
        }
        if let Some(absent) = T::absent() {
            return Some(absent);
        }
        let message = format!("`{}` needs `{}`", self.descriptor.name, param.name);
        let finding = self.finding(message);
        let finding = finding.at(&self.factory, format!("`{}`, {}, is missing", param.name, param.kind));
        self.report(finding)
    }

    fn in_range(&self, param: &Param, value: &Value) -> Result<(), Mismatch> {
        match value.as_float() {
            Some(number) if !param.range.contains(number) => Err(Mismatch::out_of_range(param.range, value)),
            _ => Ok(()),
        }
    }

    /// Reports what no parameter took and tells whether the component can be constructed.
    pub fn finish(&mut self) -> bool {
        for (name, entry) in std::mem::take(&mut self.entries) {
            let gone = self.descriptor.gone.iter().find(|gone| gone.name == name);
            let names = self.descriptor.params.iter().filter(|param| !param.rest).flat_map(Param::names);
            let label = match (gone, nearest(&name, names)) {
                (Some(_), _) => "it is gone".to_owned(),
                (None, Some(near)) => format!("did you mean `{near}`?"),
                (None, None) => self.known_parameters(),
            };
            let message = format!("`{}` has no parameter `{name}`", self.descriptor.name);
            let finding = gone.into_iter().fold(self.finding(message), |finding, gone| finding.help(gone.advice));
            let finding = match entry.value.copied {
                Some(_) => finding.at_value(&Value { span: entry.key_span.clone(), ..entry.value }, label),
                None => finding.at(&entry.key_span, label),
            };
            self.report::<()>(finding);
        }
        !self.failed
    }

    /// Reports the outcome of the component's own check and tells whether it was passed.
    pub fn check(&mut self, outcome: Result<(), ArgumentError>) -> bool {
        let Err(error) = outcome else { return true };
        let value = error.parameter.and_then(|name| self.place(name));
        let mut finding = self.finding(format!("`{}`: {}", self.descriptor.name, error.message));
        finding = match value {
            Some(value) => finding.at_value(&value, ""),
            None => finding.at(&self.factory, ""),
        };
        // The arguments do not go together: any of them may be the one to change.
        finding.is_uncertain |= self.places.iter().any(|(_, value)| has_placeholder(value));
        let finding = error.help.into_iter().fold(finding, Diagnostic::help);
        self.report::<()>(finding);
        false
    }

    /// Reports that a function failed.
    pub fn function_failed(&mut self, failure: &Failure) {
        let mut finding = self.finding(format!("`{}`: {failure}", self.descriptor.name)).at(&self.factory, "");
        finding.is_uncertain |= self.places.iter().any(|(_, value)| has_placeholder(value));
        let finding = failure.help().into_iter().fold(finding, Diagnostic::help);
        self.report::<()>(finding);
    }

    /// Returns the findings.
    pub fn into_findings(self) -> Diagnostics {
        self.findings
    }

    fn known_parameters(&self) -> String {
        let names: Vec<String> = self
            .descriptor
            .params
            .iter()
            .filter(|param| !param.rest)
            .map(|param| format!("`{}`", param.name))
            .collect();
        match names.is_empty() {
            true => "it has no parameters".to_owned(),
            false => format!("expected one of {}", names.join(", ")),
        }
    }

    fn finding(&self, message: String) -> Diagnostic {
        Diagnostic::new(Code::BadArguments, message)
            .in_key(self.key)
            .of_component(self.descriptor.name)
            .note(format!("`palladium components {}` explains its parameters", self.descriptor.name))
    }

    fn report<T>(&mut self, finding: Diagnostic) -> Option<T> {
        self.findings.push(finding);
        self.fail()
    }

    fn fail<T>(&mut self) -> Option<T> {
        self.failed = true;
        None
    }
}

impl Literal {
    /// Returns the default as a value.
    pub fn to_value(self) -> Value {
        let data = match self {
            Literal::Null => Data::Null,
            Literal::Bool(flag) => Data::Bool(flag),
            Literal::Int(number) => Data::Int(number),
            Literal::Float(number) => Data::Float(number),
            Literal::Text(text) => Data::Text(text.to_owned()),
            Literal::List(items) => Data::List(items.iter().map(|item| item.to_value()).collect()),
        };
        Value::new(data, Span::nowhere("default"))
    }
}

/// Returns the advice for a text that reads like the number or flag that was expected.
fn unquoted(value: &Value, expected: &str) -> Option<String> {
    let text = value.as_text().filter(|text| is_literal(value, text))?;
    let fits = match text {
        "true" | "false" => expected.contains("flag"),
        _ => expected.contains("number") && text.trim() == text && text.parse::<f64>().is_ok_and(f64::is_finite),
    };
    fits.then(|| format!("write `{text}` without quotes"))
}

/// Returns what stands where a component could not be constructed.
pub(crate) fn failed(span: &Span) -> Value {
    Value::new(Data::Component(std::sync::Arc::new(Failed)), span.clone())
}

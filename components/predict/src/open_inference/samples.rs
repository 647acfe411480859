//! From the tensors of a request to samples.
//!
//! Either each field has a tensor of its name, of shape `[n]` or `[n, 1]`, or there is one tensor of another name whose
//! columns are the fields, of shape `[n, fields]`. Elements are converted to the types of their fields; what a field
//! cannot hold without loss is refused.

use std::fmt;

use palladium_component::prelude::*;
use palladium_component::value::nearest;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::datatype::Datatype;
use super::problem::Problem;
use super::request::{Body, Elements, Input};
use crate::column::ColumnBuilder;
use crate::convert::{Given, cut, refusal};
use crate::faults::is_too_large;
use crate::field::{Field, FieldType};
use crate::rows::scalars;

/// Reads the samples of a request, with a column for each of these fields.
///
/// # Errors
/// Tensors that are missing, unknown or of another shape or type, elements that their fields cannot hold.
pub fn read(body: &Body<'_>, columns: &[ColumnSpec]) -> Result<Table, Problem> {
    let field = |column: &ColumnSpec| Field { name: column.name.clone(), kind: FieldType::of(column.kind) };
    let fields: Vec<Field> = columns.iter().map(field).collect();
    let tensors = bind(&body.request.inputs, &fields).map_err(Problem::bad_request)?;
    let builders = fields.iter().map(|field| ColumnBuilder::new(field.kind)).collect();
    let mut filling = Filling { fields: &fields, builders };
    for (tensor, elements) in tensors.iter().zip(&body.elements) {
        if let Elements::Bytes(bytes) = elements {
            filling.take_bytes(tensor, bytes).map_err(Problem::bad_request)?;
        }
    }
    if body.elements.contains(&Elements::Json) {
        filling.take_json(&tensors, body.json).map_err(Problem::bad_request)?;
    }
    let columns = fields.iter().zip(filling.builders);
    let columns = columns.map(|(field, builder)| (field.name.clone(), builder.finish())).collect();
    Ok(Table::new(columns).map_err(Failure::from)?)
}

/// A tensor, and the columns that its elements are for.
#[derive(Debug, PartialEq, Eq)]
struct Tensor<'a> {
    name: &'a str,
    datatype: Datatype,
    /// The first column.
    first: usize,
    /// The number of columns.
    width: usize,
    n_rows: usize,
    /// The number of elements.
    len: usize,
    /// Whether its natural representation is a list of lists.
    is_nested: bool,
}

/// Finds the columns of all tensors.
fn bind<'a>(inputs: &'a [Input], fields: &[Field]) -> Result<Vec<Tensor<'a>>, String> {
    let position = |name: &str| fields.iter().position(|field| field.name == name);
    let tensors = match inputs {
        [matrix] if position(&matrix.name).is_none() => vec![tensor(matrix, 0, fields)?],
        _ => {
            let mut is_given = vec![false; fields.len()];
            let mut tensors = Vec::new();
            for input in inputs {
                let column = position(&input.name).ok_or_else(|| unknown(&input.name, fields))?;
                if std::mem::replace(&mut is_given[column], true) {
                    return Err(format!("the input `{}` is given twice", input.name));
                }
                tensors.push(tensor(input, column, &fields[column..=column])?);
            }
            if let Some(missing) = is_given.iter().position(|is_given| !is_given) {
                return Err(format!("the input `{}` is missing", fields[missing].name));
            }
            tensors
        }
    };
    let Some(first) = tensors.first() else { return Err("there is no input".to_owned()) };
    match tensors.iter().find(|other| other.n_rows != first.n_rows) {
        Some(other) => Err(format!(
            "the input `{}` has {} rows, the input `{}` has {}",
            first.name, first.n_rows, other.name, other.n_rows
        )),
        None => Ok(tensors),
    }
}

/// Returns the tensor of an input for the columns from a position on whose fields are these.
fn tensor<'a>(input: &'a Input, first: usize, fields: &[Field]) -> Result<Tensor<'a>, String> {
    let Input { name, shape, datatype, .. } = input;
    let (shown, width) = (cut(name), fields.len());
    let (n_rows, is_nested) = match shape.as_slice() {
        [n_rows] if width == 1 => (*n_rows, false),
        [n_rows, columns] if *columns == width as u64 => (*n_rows, true),
        _ => {
            let expected = if width == 1 { "[n] or [n, 1]".to_owned() } else { format!("[n, {width}]") };
            let shape: Vec<String> = shape.iter().take(8).map(u64::to_string).collect();
            let shape = shape.join(", ");
            let named = match width {
                1 => String::new(),
                _ => format!(", or an input for each of {}", listed(fields)),
            };
            return Err(format!("the input `{shown}` has the shape [{shape}], it has to be {expected}{named}"));
        }
    };
    let n_rows = usize::try_from(n_rows).ok();
    let len = n_rows.and_then(|n_rows| n_rows.checked_mul(width));
    let (Some(n_rows), Some(len)) = (n_rows, len) else {
        return Err(format!("the input `{shown}` has more elements than there can be"));
    };
    let Some(datatype) = Datatype::parse(datatype) else {
        let names = Datatype::names();
        return Err(format!("the input `{shown}` has the datatype {:?}, the known ones are {names}", cut(datatype)));
    };
    if let Some(field) = fields.iter().find(|field| !datatype.fits(field.kind)) {
        let (found, wanted) = (datatype.name(), Datatype::of(field.kind).name());
        return Err(format!("the input `{shown}` has the datatype {found}, the field `{}` is {wanted}", field.name));
    }
    Ok(Tensor { name, datatype, first, width, n_rows, len, is_nested })
}

fn unknown(name: &str, fields: &[Field]) -> String {
    let shown = cut(name);
    match nearest(name, fields.iter().map(|field| field.name.as_str())) {
        Some(near) => format!("there is no input `{shown}`, did you mean `{near}`?"),
        None => format!("there is no input `{shown}`, the inputs are {}", listed(fields)),
    }
}

fn listed(fields: &[Field]) -> String {
    const SHOWN: usize = 20;
    let names: Vec<String> = fields.iter().take(SHOWN).map(|field| format!("`{}`", field.name)).collect();
    let more = if fields.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}

/// Columns while they are filled; each one is filled by one tensor.
struct Filling<'f> {
    fields: &'f [Field],
    builders: Vec<ColumnBuilder>,
}

impl Filling<'_> {
    /// Adds the element at a position of a tensor; it is one of the tensor's type.
    fn take(&mut self, tensor: &Tensor<'_>, index: usize, given: Given<'_>) -> Result<(), String> {
        let (sample, column) = (index / tensor.width + 1, tensor.first + index % tensor.width);
        let field = &self.fields[column];
        let is_float = field.kind == FieldType::Float;
        if is_float && !is_exact(given) {
            let name = &field.name;
            return Err(format!(
                "sample {sample}: `{name}` is a 64-bit floating point number, which cannot be {given}"
            ));
        }
        self.builders[column].push(given).ok_or_else(|| format!("sample {sample}: {}", refusal(field, given)))
    }

    /// Adds the elements of a tensor that are in bytes.
    fn take_bytes(&mut self, tensor: &Tensor<'_>, bytes: &[u8]) -> Result<(), String> {
        let name = cut(tensor.name);
        let Some(width) = tensor.datatype.width() else { return self.take_texts(tensor, bytes) };
        if tensor.len.checked_mul(width) != Some(bytes.len()) {
            let (found, len, datatype) = (bytes.len(), tensor.len, tensor.datatype.name());
            return Err(format!("the input `{name}` has {found} bytes, which are not {len} elements of {datatype}"));
        }
        for (index, element) in bytes.chunks_exact(width).enumerate() {
            let given = tensor.datatype.read_bytes(element);
            let given = given.ok_or_else(|| format!("the input `{name}`, element {}: a flag is 0 or 1", index + 1))?;
            self.take(tensor, index, given)?;
        }
        Ok(())
    }

    /// Adds the elements of a tensor of texts: each one follows its length in four bytes, the lowest first.
    fn take_texts(&mut self, tensor: &Tensor<'_>, bytes: &[u8]) -> Result<(), String> {
        let name = cut(tensor.name);
        let (mut rest, mut index) = (bytes, 0);
        while !rest.is_empty() {
            if index == tensor.len {
                return Err(format!("the input `{name}` has bytes behind its {index} elements"));
            }
            let element = index + 1;
            let text = rest.split_first_chunk::<4>().and_then(|(length, behind)| {
                behind.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
            });
            let Some((text, behind)) = text else {
                return Err(format!("the input `{name}` ends within element {element}"));
            };
            let text = std::str::from_utf8(text);
            let text = text.map_err(|_| format!("the input `{name}`, element {element} is not UTF-8"))?;
            self.take(tensor, index, Given::Text(text))?;
            (rest, index) = (behind, element);
        }
        check_count(tensor, index)
    }

    /// Adds the elements of all tensors that are in the JSON, which was read before.
    fn take_json(&mut self, tensors: &[Tensor<'_>], json: &[u8]) -> Result<(), String> {
        let mut reading = Reading { filling: self, tensors, problem: None };
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        match Root(&mut reading).deserialize(&mut deserializer) {
            Ok(()) => Ok(()),
            Err(error) => Err(reading.problem.unwrap_or_else(|| match is_too_large(&error) {
                true => format!("the inputs hold a number that no float holds: {error}"),
                false => format!("the body is no inference request: {error}"),
            })),
        }
    }
}

/// Tells whether a floating point number can be a value; whole numbers of 64 bits need not be one.
fn is_exact(given: Given<'_>) -> bool {
    match given {
        Given::Int(number) => number as f64 as i128 == i128::from(number),
        Given::BigInt(number) => number as f64 as i128 == i128::from(number),
        _ => true,
    }
}

fn check_count(tensor: &Tensor<'_>, found: usize) -> Result<(), String> {
    if found == tensor.len {
        return Ok(());
    }
    Err(format!("the input `{}` has {found} elements, its shape says {}", cut(tensor.name), tensor.len))
}

/// The second reading of the JSON. What goes wrong is kept beside the parser, whose own errors know only lines and
/// columns.
struct Reading<'r, 'f> {
    filling: &'r mut Filling<'f>,
    tensors: &'r [Tensor<'r>],
    problem: Option<String>,
}

impl Reading<'_, '_> {
    fn keep<T, E: Error>(&mut self, outcome: Result<T, String>) -> Result<T, E> {
        outcome.map_err(|problem| {
            self.problem = Some(problem);
            E::custom("not the elements of a tensor")
        })
    }
}

/// Implements a seed that reads any value through its own visitor.
macro_rules! seed {
    ($type:ident) => {
        impl<'de> DeserializeSeed<'de> for $type<'_, '_, '_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    };
}

/// The request.
struct Root<'a, 'r, 'f>(&'a mut Reading<'r, 'f>);

seed!(Root);

impl<'de> Visitor<'de> for Root<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "inputs" => entries.next_value_seed(Inputs(&mut *self.0))?,
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The list of inputs.
struct Inputs<'a, 'r, 'f>(&'a mut Reading<'r, 'f>);

seed!(Inputs);

impl<'de> Visitor<'de> for Inputs<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of inputs")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut inputs: A) -> Result<(), A::Error> {
        for tensor in self.0.tensors {
            inputs.next_element_seed(OneInput { reading: &mut *self.0, tensor })?;
        }
        Ok(())
    }
}

/// One input.
struct OneInput<'a, 'r, 'f> {
    reading: &'a mut Reading<'r, 'f>,
    tensor: &'r Tensor<'r>,
}

seed!(OneInput);

impl<'de> Visitor<'de> for OneInput<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an input")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let OneInput { reading, tensor } = self;
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "data" => {
                    let mut count = 0;
                    entries.next_value_seed(TensorData { reading: &mut *reading, tensor, count: &mut count })?;
                }
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The elements of a tensor, in one list or in a list of lists.
struct TensorData<'a, 'r, 'f> {
    reading: &'a mut Reading<'r, 'f>,
    tensor: &'r Tensor<'r>,
    /// The number of elements that were read.
    count: &'a mut usize,
}

seed!(TensorData);

impl<'de> Visitor<'de> for TensorData<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let TensorData { reading, tensor, count } = self;
        // The first item tells which of both it is.
        let mut level = Level::First;
        loop {
            let item = Element { reading: &mut *reading, tensor, count: &mut *count, level };
            match items.next_element_seed(item)? {
                Some(found) => level = found,
                None => break,
            }
        }
        let outcome = check_count(tensor, *count);
        reading.keep(outcome)
    }

    /// A tensor whose elements are bytes may say `null` here.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// What the items of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// That is not known yet.
    First,
    /// Elements of a tensor in one list.
    Flat,
    /// Lists of elements.
    Rows,
    /// Elements in one of these lists.
    Inner,
}

/// An element of a tensor, or a list of them. It returns what the further items of its list are.
struct Element<'a, 'r, 'f> {
    reading: &'a mut Reading<'r, 'f>,
    tensor: &'r Tensor<'r>,
    count: &'a mut usize,
    level: Level,
}

impl Element<'_, '_, '_> {
    fn take<E: Error>(self, given: Given<'_>) -> Result<Level, E> {
        let Element { reading, tensor, count, level } = self;
        let (name, datatype) = (cut(tensor.name), tensor.datatype);
        let outcome = match datatype.read_json(given) {
            _ if level == Level::Rows => Err(disagrees(tensor)),
            _ if *count == tensor.len => Err(format!("the input `{name}` has more elements than its shape says")),
            Some(element) => reading.filling.take(tensor, *count, element),
            None => Err(format!("the input `{name}`, element {}: {given} is not {}", *count + 1, datatype.name())),
        };
        reading.keep(outcome)?;
        *count += 1;
        Ok(if level == Level::First { Level::Flat } else { level })
    }
}

fn disagrees(tensor: &Tensor<'_>) -> String {
    let shape = if tensor.is_nested {
        format!("[{}, {}]", tensor.n_rows, tensor.width)
    } else {
        format!("[{}]", tensor.n_rows)
    };
    let name = cut(tensor.name);
    format!("the `data` of the input `{name}` are neither one list of elements nor nested as its shape {shape} says")
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_, '_> {
    type Value = Level;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Level, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_, '_> {
    type Value = Level;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a flag, a number, a text or a list of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Level, A::Error> {
        let Element { reading, tensor, count, level } = self;
        if !tensor.is_nested || !matches!(level, Level::First | Level::Rows) {
            return reading.keep(Err(disagrees(tensor)));
        }
        let before = *count;
        loop {
            let (reading, count) = (&mut *reading, &mut *count);
            if items.next_element_seed(Element { reading, tensor, count, level: Level::Inner })?.is_none() {
                break;
            }
        }
        let outcome = if *count - before == tensor.width { Ok(Level::Rows) } else { Err(disagrees(tensor)) };
        reading.keep(outcome)
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Level, A::Error> {
        self.take(Given::Object)
    }

    scalars!(take);
}

#[cfg(test)]
mod tests;

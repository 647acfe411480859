//! The types of tensors, and their elements in JSON and in bytes.

use half::f16;

use crate::convert::Given;
use crate::field::FieldType;

/// The type of the elements of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Fp32,
    Fp64,
    Bytes,
}

impl Datatype {
    /// The types with their names.
    pub const ALL: [(&'static str, Datatype); 13] = [
        ("BOOL", Datatype::Bool),
        ("UINT8", Datatype::Uint8),
        ("UINT16", Datatype::Uint16),
        ("UINT32", Datatype::Uint32),
        ("UINT64", Datatype::Uint64),
        ("INT8", Datatype::Int8),
        ("INT16", Datatype::Int16),
        ("INT32", Datatype::Int32),
        ("INT64", Datatype::Int64),
        ("FP16", Datatype::Fp16),
        ("FP32", Datatype::Fp32),
        ("FP64", Datatype::Fp64),
        ("BYTES", Datatype::Bytes),
    ];

    /// Returns the type of a name.
    pub fn parse(name: &str) -> Option<Datatype> {
        Datatype::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, datatype)| datatype)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        Datatype::ALL.into_iter().find(|(_, datatype)| *datatype == self).map_or("", |(name, _)| name)
    }

    /// Returns the names of all types.
    pub fn names() -> String {
        Datatype::ALL.map(|(name, _)| name).join(", ")
    }

    /// Returns the type that holds the values of a field without loss.
    pub fn of(field: FieldType) -> Datatype {
        match field {
            FieldType::Float => Datatype::Fp64,
            FieldType::Int => Datatype::Int64,
            FieldType::Bool => Datatype::Bool,
            FieldType::Str => Datatype::Bytes,
        }
    }

    /// Tells whether elements of this type can be values of a field; each one may still be none.
    pub fn fits(self, field: FieldType) -> bool {
        let is_float = matches!(self, Datatype::Fp16 | Datatype::Fp32 | Datatype::Fp64);
        match field {
            FieldType::Float | FieldType::Int => self != Datatype::Bytes,
            FieldType::Bool => self != Datatype::Bytes && !is_float,
            FieldType::Str => self == Datatype::Bytes,
        }
    }

    /// Returns the bytes of one element; those of texts differ.
    pub fn width(self) -> Option<usize> {
        match self {
            Datatype::Bool | Datatype::Uint8 | Datatype::Int8 => Some(1),
            Datatype::Uint16 | Datatype::Int16 | Datatype::Fp16 => Some(2),
            Datatype::Uint32 | Datatype::Int32 | Datatype::Fp32 => Some(4),
            Datatype::Uint64 | Datatype::Int64 | Datatype::Fp64 => Some(8),
            Datatype::Bytes => None,
        }
    }

    /// Returns an element in JSON as one of this type, if it is one: within its range, and whole where it has to be.
    /// Numbers for floating point types are taken as they stand, which is closer to what was meant than rounding them.
    pub fn read_json(self, given: Given<'_>) -> Option<Given<'_>> {
        let float = |largest: f64| match given {
            Given::Int(_) | Given::BigInt(_) | Given::Float(_) => {
                given.to_float().filter(|number| number.abs() <= largest).map(Given::Float)
            }
            _ => None,
        };
        let whole = |least: i64, largest: u64| match given {
            Given::BigInt(number) => (number <= largest).then_some(given),
            Given::Int(_) | Given::Float(_) => {
                let number = given.to_int()?;
                (number >= least && i128::from(number) <= i128::from(largest)).then_some(Given::Int(number))
            }
            _ => None,
        };
        match self {
            Datatype::Bool => match given {
                Given::Bool(_) | Given::Int(0 | 1) => given.to_bool().map(Given::Bool),
                _ => None,
            },
            Datatype::Uint8 => whole(0, u8::MAX.into()),
            Datatype::Uint16 => whole(0, u16::MAX.into()),
            Datatype::Uint32 => whole(0, u32::MAX.into()),
            Datatype::Uint64 => whole(0, u64::MAX),
            Datatype::Int8 => whole(i8::MIN.into(), i8::MAX as u64),
            Datatype::Int16 => whole(i16::MIN.into(), i16::MAX as u64),
            Datatype::Int32 => whole(i32::MIN.into(), i32::MAX as u64),
            Datatype::Int64 => whole(i64::MIN, i64::MAX as u64),
            Datatype::Fp16 => float(f16::MAX.to_f64()),
            Datatype::Fp32 => float(f32::MAX.into()),
            Datatype::Fp64 => float(f64::MAX),
            Datatype::Bytes => matches!(given, Given::Text(_)).then_some(given),
        }
    }

    /// Returns an element of as many bytes as the type has, the lowest first; those of texts are another matter.
    pub fn read_bytes(self, bytes: &[u8]) -> Option<Given<'static>> {
        /// Reads a number of one type, which is converted by a function.
        macro_rules! number {
            ($type:ty, $convert:expr) => {
                Some($convert(<$type>::from_le_bytes(bytes.try_into().ok()?)))
            };
        }
        match self {
            Datatype::Bool => match bytes {
                [0] => Some(Given::Bool(false)),
                [1] => Some(Given::Bool(true)),
                _ => None,
            },
            Datatype::Uint8 => number!(u8, |number| Given::Int(i64::from(number))),
            Datatype::Uint16 => number!(u16, |number| Given::Int(i64::from(number))),
            Datatype::Uint32 => number!(u32, |number| Given::Int(i64::from(number))),
            Datatype::Uint64 => number!(u64, |number| i64::try_from(number).map_or(Given::BigInt(number), Given::Int)),
            Datatype::Int8 => number!(i8, |number| Given::Int(i64::from(number))),
            Datatype::Int16 => number!(i16, |number| Given::Int(i64::from(number))),
            Datatype::Int32 => number!(i32, |number| Given::Int(i64::from(number))),
            Datatype::Int64 => number!(i64, Given::Int),
            Datatype::Fp16 => number!(f16, |number: f16| Given::Float(number.to_f64())),
            Datatype::Fp32 => number!(f32, |number| Given::Float(f64::from(number))),
            Datatype::Fp64 => number!(f64, Given::Float),
            Datatype::Bytes => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (name, datatype) in Datatype::ALL {
            assert_eq!((Datatype::parse(name), datatype.name()), (Some(datatype), name));
        }
        for name in ["", "fp64", "FP8", "BF16", "STRING"] {
            assert_eq!(Datatype::parse(name), None, "{name}");
        }
    }

    #[test]
    fn elements_in_json_are_within_their_range() {
        use Datatype::*;
        let big = Given::BigInt(u64::MAX);
        let cases = [
            (Bool, Given::Bool(true), Some(Given::Bool(true))),
            (Bool, Given::Int(0), Some(Given::Bool(false))),
            (Bool, Given::Int(2), None),
            (Bool, Given::Text("true"), None),
            (Uint8, Given::Int(255), Some(Given::Int(255))),
            (Uint8, Given::Int(256), None),
            (Uint8, Given::Int(-1), None),
            (Uint16, Given::Int(65_536), None),
            (Uint32, Given::Int(4_294_967_295), Some(Given::Int(4_294_967_295))),
            (Uint64, big, Some(big)),
            (Uint64, Given::Int(-1), None),
            (Int8, Given::Int(-128), Some(Given::Int(-128))),
            (Int8, Given::Int(-129), None),
            (Int8, Given::Int(128), None),
            (Int16, Given::Int(-32_769), None),
            (Int32, Given::Int(2_147_483_648), None),
            (Int64, Given::Int(i64::MIN), Some(Given::Int(i64::MIN))),
            (Int64, big, None),
            (Int64, Given::Float(3.0), Some(Given::Int(3))),
            (Int64, Given::Float(3.5), None),
            (Int64, Given::Bool(true), None),
            (Fp16, Given::Float(65_504.0), Some(Given::Float(65_504.0))),
            (Fp16, Given::Float(65_505.0), None),
            (Fp32, Given::Float(5.1), Some(Given::Float(5.1))),
            (Fp32, Given::Float(-1e39), None),
            (Fp64, Given::Int(7), Some(Given::Float(7.0))),
            (Fp64, big, Some(Given::Float(18_446_744_073_709_551_615.0))),
            (Fp64, Given::Null, None),
            (Fp64, Given::Text("1"), None),
            (Bytes, Given::Text("a"), Some(Given::Text("a"))),
            (Bytes, Given::Int(1), None),
        ];
        for (datatype, given, expected) in cases {
            assert_eq!(datatype.read_json(given), expected, "{datatype:?} {given:?}");
        }
    }

    #[test]
    fn elements_in_bytes_have_the_lowest_first() {
        use Datatype::*;
        let cases: [(Datatype, &[u8], Option<Given<'_>>); 17] = [
            (Bool, &[1], Some(Given::Bool(true))),
            (Bool, &[2], None),
            (Uint8, &[255], Some(Given::Int(255))),
            (Uint16, &[1, 2], Some(Given::Int(513))),
            (Uint32, &[255; 4], Some(Given::Int(4_294_967_295))),
            (Uint64, &[255; 8], Some(Given::BigInt(u64::MAX))),
            (Uint64, &[7, 0, 0, 0, 0, 0, 0, 0], Some(Given::Int(7))),
            (Int8, &[255], Some(Given::Int(-1))),
            (Int16, &[254, 255], Some(Given::Int(-2))),
            (Int32, &[253, 255, 255, 255], Some(Given::Int(-3))),
            (Int64, &[252, 255, 255, 255, 255, 255, 255, 255], Some(Given::Int(-4))),
            (Fp16, &[0, 0x3e], Some(Given::Float(1.5))),
            (Fp32, &[0, 0, 0xc0, 0x3f], Some(Given::Float(1.5))),
            (Fp64, &[0, 0, 0, 0, 0, 0, 0xf8, 0x3f], Some(Given::Float(1.5))),
            (Fp64, &[0; 7], None),
            (Fp32, &[0; 8], None),
            (Bytes, &[], None),
        ];
        for (datatype, bytes, expected) in cases {
            assert_eq!(datatype.read_bytes(bytes), expected, "{datatype:?} {bytes:?}");
        }
    }
}

//! Decimal digits to floating point numbers, correctly rounded.
//!
//! Method: Lemire 2021, "Number parsing at a gigabyte per second", for the numbers that files are full of: up to 19
//! digits, no exponent. The few others are left to a library.

use super::simd::sixteen;

/// The powers of ten that the table holds.
const EXPONENTS: std::ops::RangeInclusive<i32> = -LARGEST..=LARGEST;
const LARGEST: i32 = 27;

/// The first 128 bits of five to each of these powers; those of a fraction are rounded up.
static POWERS: [(u64, u64); 2 * LARGEST as usize + 1] = powers();

const fn powers() -> [(u64, u64); 2 * LARGEST as usize + 1] {
    let mut powers = [(0, 0); 2 * LARGEST as usize + 1];
    let (mut exponent, mut power) = (0, 1_u128);
    while exponent <= LARGEST as usize {
        powers[LARGEST as usize + exponent] = halves(power << power.leading_zeros());
        if exponent > 0 {
            powers[LARGEST as usize - exponent] = halves(reciprocal(power));
        }
        power *= 5;
        exponent += 1;
    }
    powers
}

const fn halves(number: u128) -> (u64, u64) {
    ((number >> 64) as u64, number as u64)
}

/// Returns the first 128 bits of one divided by a number, rounded up.
const fn reciprocal(number: u128) -> u128 {
    let (mut remainder, mut quotient) = (1, 0_u128);
    while quotient.leading_zeros() > 0 {
        remainder <<= 1;
        quotient <<= 1;
        if remainder >= number {
            remainder -= number;
            quotient |= 1;
        }
    }
    quotient + 1
}

/// Returns the number nearest to `decimal` times ten to a power; nothing where that takes more than this table.
fn scaled(decimal: u64, exponent: i32) -> Option<f64> {
    const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
    const BIAS: i32 = f64::MAX_EXP - 1;
    if decimal == 0 {
        return Some(0.0);
    }
    if !EXPONENTS.contains(&exponent) {
        return None;
    }
    let zeros = decimal.leading_zeros();
    let normal = u128::from(decimal << zeros);
    let (high, low) = POWERS[(exponent + LARGEST) as usize];
    let mut product = normal * u128::from(high);
    // The low half matters only if it may carry into the bits that are kept.
    if (product >> 64) as u64 & 0x1FF == 0x1FF {
        product += (normal * u128::from(low)) >> 64;
    }
    let (upper, lower) = halves(product);
    let top = (upper >> 63) as u32;
    let shift = top + 64 - FRACTION - 3;
    let mut mantissa = upper >> shift;
    if lower <= 1 && mantissa & 3 == 1 && mantissa << shift == upper {
        // Half way between two numbers, or too near to tell.
        if !(-4..=23).contains(&exponent) {
            return None;
        }
        mantissa &= !1;
    }
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    // The whole part of the logarithm to base two of the power of ten.
    let power = (exponent * 217_706) >> 16;
    let mut biased = power + 63 + top as i32 - zeros as i32 + BIAS;
    if mantissa >> f64::MANTISSA_DIGITS != 0 {
        mantissa >>= 1;
        biased += 1;
    }
    Some(f64::from_bits(mantissa & !(1 << FRACTION) | (biased as u64) << FRACTION))
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Returns the number that eight digits stand for, of which the first is the lowest byte.
pub(crate) fn eight(text: u64) -> Option<u64> {
    const TENS: u64 = 0x000F_4240_0000_0064;
    const ONES: u64 = 0x0000_2710_0000_0001;
    const PAIRS: u64 = 0x0000_00FF_0000_00FF;
    let digits = text.wrapping_sub(ZEROS);
    if (text.wrapping_add(0x4646_4646_4646_4646) | digits) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let sum = (pairs & PAIRS).wrapping_mul(TENS).wrapping_add(((pairs >> 16) & PAIRS).wrapping_mul(ONES));
    Some(sum >> 32)
}

/// Returns the number that the last so many bytes of a text, at most 19, stand for.
fn last_digits(text: &[u8], count: usize) -> Option<u64> {
    if count > 8
        && let Some((before, last)) = text.split_last_chunk::<8>()
        && let Some((_, middle)) = before.split_last_chunk::<8>()
    {
        // The middle word may begin with something else, for which zeros are put in.
        let shift = 8 * (16 - count.min(16));
        let middle = u64::from_le_bytes(*middle) >> shift << shift | ZEROS & !(u64::MAX << shift);
        let lower = eight(middle)? * 100_000_000 + eight(u64::from_le_bytes(*last))?;
        let upper = match count {
            ..=16 => 0,
            _ => one_by_one(&text[text.len() - count..text.len() - 16])?,
        };
        return Some(upper * 10_000_000_000_000_000 + lower);
    }
    one_by_one(&text[text.len() - count..])
}

fn one_by_one(digits: &[u8]) -> Option<u64> {
    let mut number = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    Some(number)
}

/// The most digits whose number always fits into 64 bits.
const MOST_DIGITS: usize = 19;

const POWERS_OF_TEN: [u64; MOST_DIGITS + 1] = {
    let mut powers = [1; MOST_DIGITS + 1];
    let mut exponent = 1;
    while exponent <= MOST_DIGITS {
        powers[exponent] = 10 * powers[exponent - 1];
        exponent += 1;
    }
    powers
};

/// Returns the number that a text of a sign, up to 19 digits and one point holds; nothing for any other text.
#[inline]
pub(crate) fn plain(text: &[u8]) -> Option<f64> {
    // The sign is as good as random, so no branch depends on it.
    let is_negative = text.first() == Some(&b'-');
    let unsigned = &text[usize::from(is_negative)..];
    let (decimal, n_fraction) = usual(text, unsigned).or_else(|| any(text, unsigned))?;
    let number = scaled(decimal, -(n_fraction as i32))?;
    Some(f64::from_bits(number.to_bits() | u64::from(is_negative) << 63))
}

/// Reads one digit, a point and 14 to 18 digits, which is how numbers are written that were computed. Returns all digits
/// as one number, and how many of them stand behind the point.
#[inline]
fn usual(text: &[u8], unsigned: &[u8]) -> Option<(u64, usize)> {
    let [whole, b'.', first, second, ..] = unsigned else { return None };
    let n_fraction = unsigned.len() - 2;
    if !(14..=18).contains(&n_fraction) {
        return None;
    }
    // The last sixteen bytes may begin with the point and what is before it, for which zeros are put in.
    let last = u128::from_le_bytes(*text.last_chunk::<16>()?);
    let shift = 8 * 16_usize.saturating_sub(n_fraction);
    let low = last as u64 >> shift << shift | ZEROS & !(u64::MAX << shift);
    let lower = sixteen(last >> 64 << 64 | u128::from(low))?;
    let [whole, first, second] = [whole, first, second].map(|byte| u64::from(byte.wrapping_sub(b'0')));
    if whole > 9 || first > 9 || second > 9 {
        return None;
    }
    let upper = if n_fraction >= 17 { first } else { 0 };
    let upper = if n_fraction >= 18 { 10 * first + second } else { upper };
    Some((whole * POWERS_OF_TEN[n_fraction] + upper * POWERS_OF_TEN[16] + lower, n_fraction))
}

/// Reads up to 19 digits and a point.
#[inline(never)]
fn any(text: &[u8], unsigned: &[u8]) -> Option<(u64, usize)> {
    let point = match unsigned {
        [_, b'.', ..] => 1,
        _ => unsigned.iter().position(|byte| *byte == b'.').unwrap_or(unsigned.len()),
    };
    let n_fraction = unsigned.len().saturating_sub(point + 1);
    if !(1..=MOST_DIGITS).contains(&(point + n_fraction)) {
        return None;
    }
    let fraction = last_digits(text, n_fraction)?;
    let whole = one_by_one(&unsigned[..point])?;
    Some((whole * POWERS_OF_TEN[n_fraction] + fraction, n_fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_the_nearest() {
        let mut random = fastrand::Rng::with_seed(0);
        for _ in 0..200_000 {
            let decimal = random.u64(..) >> random.u32(..64);
            let exponent = random.i32(EXPONENTS);
            let expected: f64 = format!("{decimal}e{exponent}").parse().unwrap();
            if let Some(found) = scaled(decimal, exponent) {
                assert_eq!(found.to_bits(), expected.to_bits(), "{decimal}e{exponent}");
            }
        }
        // Numbers half way between two.
        for _ in 0..200_000 {
            let decimal = (1 << 54) | (random.u64(..) >> 10) | 1;
            let exponent = random.i32(-4..=3);
            let expected: f64 = format!("{decimal}e{exponent}").parse().unwrap();
            assert_eq!(scaled(decimal, exponent).unwrap().to_bits(), expected.to_bits(), "{decimal}e{exponent}");
        }
    }

    #[test]
    fn reads_what_is_written() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200_000 {
            let number = (random.f64() - 0.5) * 10_f64.powi(random.i32(-4..6));
            let text = format!("{number}");
            match plain(text.as_bytes()) {
                Some(found) => assert_eq!(found.to_bits(), number.to_bits(), "{text}"),
                None => assert!(text.len() > 19, "{text}"),
            }
        }
        for length in 10..24 {
            for place in 0..length {
                for odd in [b'/', b':', b'-', b'.', b' ', 0x80, 0xb0, 0xff] {
                    let mut text = b"-1.23456789012345678901234"[..length].to_vec();
                    text[place] = odd;
                    let expected = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<f64>().ok());
                    let expected = expected.filter(|_| text.iter().filter(|byte| byte.is_ascii_digit()).count() <= 19);
                    assert_eq!(plain(&text), expected, "{}", text.escape_ascii());
                }
            }
        }
        for text in ["", "-", ".", "-.", "1e5", "+1", " 1", "1 ", "1.2.3", "1-", "12345678x", "0x1", "1_0", "٣"] {
            assert_eq!(plain(text.as_bytes()), None, "{text}");
        }
        assert_eq!(plain(b"9999999999999999999"), Some(1e19));
        assert_eq!(plain(b"-0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(plain(b"00000000000000000001"), None);
    }
}

//! Decimal digits to floating point numbers, correctly rounded.
//!
//! Method: Lemire 2021, "Number parsing at a gigabyte per second", for the numbers that files are full of: up to 19
//! digits, no exponent. The few others are left to a library.

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

/// Returns the number that eight digits stand for.
fn eight(bytes: [u8; 8]) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const TENS: u64 = 0x000F_4240_0000_0064;
    const ONES: u64 = 0x0000_2710_0000_0001;
    const PAIRS: u64 = 0x0000_00FF_0000_00FF;
    let text = u64::from_le_bytes(bytes);
    let digits = text.wrapping_sub(ZEROS);
    if (text.wrapping_add(0x4646_4646_4646_4646) | digits) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let sum = (pairs & PAIRS).wrapping_mul(TENS).wrapping_add(((pairs >> 16) & PAIRS).wrapping_mul(ONES));
    Some(sum >> 32)
}

/// Adds the digits at the start of a text to a number and returns how many there are.
fn digits(text: &[u8], decimal: &mut u64) -> usize {
    let mut rest = text;
    while let Some((first, after)) = rest.split_first_chunk::<8>()
        && let Some(number) = eight(*first)
    {
        *decimal = decimal.wrapping_mul(100_000_000).wrapping_add(number);
        rest = after;
    }
    while let [first, after @ ..] = rest
        && first.is_ascii_digit()
    {
        *decimal = decimal.wrapping_mul(10).wrapping_add(u64::from(first - b'0'));
        rest = after;
    }
    text.len() - rest.len()
}

/// Returns the number that a text of a sign, up to 19 digits and one point holds; nothing for any other text.
pub(crate) fn plain(text: &[u8]) -> Option<f64> {
    let (is_negative, unsigned) = match text {
        [b'-', unsigned @ ..] => (true, unsigned),
        unsigned => (false, unsigned),
    };
    let mut decimal = 0;
    let n_whole = digits(unsigned, &mut decimal);
    let n_fraction = match &unsigned[n_whole..] {
        [] => 0,
        [b'.', fraction @ ..] if digits(fraction, &mut decimal) == fraction.len() => fraction.len(),
        _ => return None,
    };
    if !(1..=19).contains(&(n_whole + n_fraction)) {
        return None;
    }
    let number = scaled(decimal, -(n_fraction as i32))?;
    Some(if is_negative { -number } else { number })
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
        for text in ["", "-", ".", "-.", "1e5", "+1", " 1", "1 ", "1.2.3", "1-", "12345678x", "0x1", "1_0", "٣"] {
            assert_eq!(plain(text.as_bytes()), None, "{text}");
        }
        assert_eq!(plain(b"9999999999999999999"), Some(1e19));
        assert_eq!(plain(b"-0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(plain(b"00000000000000000001"), None);
    }
}

//! The exponential function in a form that compilers turn into vector instructions.

/// Arguments below count as this one; its exponential is the smallest normal number, nearly.
const LOWEST: f64 = -708.0;

/// Returns e to the power of `x` for `x` up to 0, within two units in the last place.
///
/// Method: x = n ln 2 + r with |r| ≤ ln 2 / 2, the Taylor polynomial of degree 13 for r (its error is below 1e-17),
/// and n added to the exponent bits. ln 2 is split in two after Cody and Waite.
#[inline(always)]
pub(crate) fn exp_of_negative(x: f64) -> f64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const FACTORS: [f64; 12] = [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
    ];
    // Adding 1.5 · 2^52 leaves the nearest whole number in the low bits.
    let x = if x < LOWEST { LOWEST } else { x };
    let shifted = x * std::f64::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut sum = 1.0 / 6_227_020_800.0;
    for factor in FACTORS {
        sum = sum * r + factor;
    }
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    (sum * r + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        for step in 0..=70_800 {
            let x = -f64::from(step) / 100.0;
            let (found, expected) = (exp_of_negative(x), x.exp());
            assert!((found / expected - 1.0).abs() <= 4.0 * f64::EPSILON, "{x}: {found} instead of {expected}");
        }
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert!(exp_of_negative(-1e300) < 1e-300);
        assert!(exp_of_negative(f64::NAN).is_nan());
    }
}

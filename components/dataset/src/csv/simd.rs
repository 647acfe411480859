//! What is done with sixteen bytes at once where the processor can, and else with eight.

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use portable::{candidates, sixteen};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::{candidates, sixteen};

/// How many bytes are looked at together for the ends of fields.
pub(crate) const LANES: usize = 64;

/// The same on every processor.
#[cfg(any(not(target_arch = "x86_64"), test))]
mod portable {
    use super::super::decimal::eight;
    use super::LANES;

    /// Returns the number that sixteen digits stand for, of which the first is the lowest byte.
    pub(crate) fn sixteen(text: u128) -> Option<u64> {
        Some(eight(text as u64)? * 100_000_000 + eight((text >> 64) as u64)?)
    }

    /// Returns a bit for each byte that is the separator or may be a line end.
    pub(crate) fn candidates(chunk: &[u8; LANES], separator: u8) -> u64 {
        let mut flags = [0_u8; LANES];
        for (flag, byte) in flags.iter_mut().zip(chunk) {
            *flag = u8::from(*byte == separator) | u8::from(*byte <= b'\r');
        }
        let mut mask = 0;
        let (words, _) = flags.as_chunks::<8>();
        for (index, word) in words.iter().enumerate() {
            // The product gathers the lowest bit of each byte in the highest byte.
            let bits = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            mask |= bits << (8 * index);
        }
        mask
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the compiler does not know that every such processor has SSE2")]
mod x86_64 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_madd_epi16, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_packs_epi32, _mm_set_epi16, _mm_set_epi64x, _mm_set1_epi8, _mm_set1_epi16, _mm_setzero_si128, _mm_sub_epi8,
        _mm_unpackhi_epi8, _mm_unpacklo_epi8,
    };

    use super::LANES;

    /// Returns the number that sixteen digits stand for, of which the first is the lowest byte.
    #[inline]
    pub(crate) fn sixteen(text: u128) -> Option<u64> {
        // SAFETY: all it needs is SSE2, which is part of x86-64.
        unsafe { sixteen_by_sse2(text) }
    }

    /// Returns a bit for each byte that is the separator or may be a line end.
    #[inline]
    pub(crate) fn candidates(chunk: &[u8; LANES], separator: u8) -> u64 {
        // SAFETY: all it needs is SSE2, which is part of x86-64.
        unsafe { candidates_by_sse2(chunk, separator) }
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn vector(bytes: u128) -> __m128i {
        _mm_set_epi64x((bytes >> 64) as i64, bytes as i64)
    }

    /// Tells of each byte whether it is not above a limit.
    #[target_feature(enable = "sse2")]
    #[inline]
    fn up_to(limit: u8, bytes: __m128i) -> __m128i {
        _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(limit as i8)), bytes)
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn sixteen_by_sse2(text: u128) -> Option<u64> {
        let digits = _mm_sub_epi8(vector(text), _mm_set1_epi8(b'0' as i8));
        if _mm_movemask_epi8(up_to(9, digits)) != 0xFFFF {
            return None;
        }
        let (thousands, zeros) = (_mm_set_epi16(1, 10, 100, 1000, 1, 10, 100, 1000), _mm_setzero_si128());
        let pairs = _mm_packs_epi32(
            _mm_madd_epi16(_mm_unpacklo_epi8(digits, zeros), thousands),
            _mm_madd_epi16(_mm_unpackhi_epi8(digits, zeros), thousands),
        );
        let fours = _mm_madd_epi16(pairs, _mm_set1_epi16(1));
        let fours = _mm_packs_epi32(fours, fours);
        let eights = _mm_madd_epi16(fours, _mm_set_epi16(1, 10_000, 1, 10_000, 1, 10_000, 1, 10_000));
        let eights = _mm_cvtsi128_si64(eights) as u64;
        Some((eights & 0xFFFF_FFFF) * 100_000_000 + (eights >> 32))
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn candidates_by_sse2(chunk: &[u8; LANES], separator: u8) -> u64 {
        let separators = _mm_set1_epi8(separator as i8);
        let (quarters, _) = chunk.as_chunks::<16>();
        quarters.iter().enumerate().fold(0, |mask, (index, quarter)| {
            let bytes = vector(u128::from_le_bytes(*quarter));
            let found = _mm_or_si128(_mm_cmpeq_epi8(bytes, separators), up_to(b'\r', bytes));
            mask | (_mm_movemask_epi8(found) as u64) << (16 * index)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{LANES, portable};

    #[test]
    fn processors_agree() {
        let mut random = fastrand::Rng::with_seed(0);
        for _ in 0..100_000 {
            let number = random.u64(..10_000_000_000_000_000);
            let mut digits: [u8; 16] = format!("{number:016}").into_bytes().try_into().unwrap();
            assert_eq!(super::sixteen(u128::from_le_bytes(digits)), Some(number));
            digits[random.usize(..16)] = random.u8(..);
            let text = u128::from_le_bytes(digits);
            assert_eq!(super::sixteen(text), portable::sixteen(text), "{}", digits.escape_ascii());

            let bytes: [u8; LANES] = std::array::from_fn(|_| random.u8(..) >> random.u8(..4));
            let separator = *random.choice(b",;\t |\xff\0").unwrap();
            let expected = bytes
                .iter()
                .rev()
                .fold(0_u64, |mask, byte| mask << 1 | u64::from(*byte == separator || *byte <= b'\r'));
            assert_eq!(super::candidates(&bytes, separator), expected);
            assert_eq!(portable::candidates(&bytes, separator), expected);
        }
    }
}

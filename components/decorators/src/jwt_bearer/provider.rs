//! The cryptography of tokens: that of ring, which the whole binary uses.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use ring::rsa::PublicKeyComponents;
use ring::signature as schemes;
use ring::signature::{RsaParameters, UnparsedPublicKey, VerificationAlgorithm};
use ring::{error, hmac};

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has tokens be verified by ring from now on.
pub fn install() {
    // It fails where it was called before.
    let _ = RING.install_default();
}

/// Checks signatures of one algorithm with one key.
struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    // A public key is no secret: taking its bytes for one would let everybody sign.
    if algorithm.family() != key.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(RingVerifier { algorithm: *algorithm, key: key.clone() }))
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        let verified = match self.algorithm.family() {
            AlgorithmFamily::Hmac => self.verify_hmac(message, signature),
            AlgorithmFamily::Rsa => self.verify_rsa(message, signature),
            AlgorithmFamily::Ec | AlgorithmFamily::Ed => self.verify_curve(message, signature),
        };
        verified.map_err(|error::Unspecified| signature::Error::new())
    }
}

impl RingVerifier {
    fn bytes(&self) -> std::result::Result<&[u8], error::Unspecified> {
        self.key.try_get_as_bytes().map_err(|_| error::Unspecified)
    }

    fn verify_hmac(&self, message: &[u8], signature: &[u8]) -> std::result::Result<(), error::Unspecified> {
        let algorithm = match self.algorithm {
            Algorithm::HS256 => hmac::HMAC_SHA256,
            Algorithm::HS384 => hmac::HMAC_SHA384,
            Algorithm::HS512 => hmac::HMAC_SHA512,
            _ => return Err(error::Unspecified),
        };
        hmac::verify(&hmac::Key::new(algorithm, self.bytes()?), message, signature)
    }

    fn verify_rsa(&self, message: &[u8], signature: &[u8]) -> std::result::Result<(), error::Unspecified> {
        let parameters: &'static RsaParameters = match self.algorithm {
            Algorithm::RS256 => &schemes::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::RS384 => &schemes::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::RS512 => &schemes::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::PS256 => &schemes::RSA_PSS_2048_8192_SHA256,
            Algorithm::PS384 => &schemes::RSA_PSS_2048_8192_SHA384,
            Algorithm::PS512 => &schemes::RSA_PSS_2048_8192_SHA512,
            _ => return Err(error::Unspecified),
        };
        match self.key.kind() {
            DecodingKeyKind::SecretOrDer(der) => UnparsedPublicKey::new(parameters, der).verify(message, signature),
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                let (n, e) = (without_zeros(n), without_zeros(e));
                PublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
        }
    }

    fn verify_curve(&self, message: &[u8], signature: &[u8]) -> std::result::Result<(), error::Unspecified> {
        let algorithm: &'static dyn VerificationAlgorithm = match self.algorithm {
            Algorithm::ES256 => &schemes::ECDSA_P256_SHA256_FIXED,
            Algorithm::ES384 => &schemes::ECDSA_P384_SHA384_FIXED,
            Algorithm::EdDSA => &schemes::ED25519,
            _ => return Err(error::Unspecified),
        };
        UnparsedPublicKey::new(algorithm, self.bytes()?).verify(message, signature)
    }
}

/// Returns a number without zeros in front, which some services write.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

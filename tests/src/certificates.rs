//! Certificates for servers of tests, signed by an authority that exists for one server only.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::processes::Result;

/// PEM texts. The authority's key is gone: it signs this one certificate.
pub struct Certificates {
    pub authority: String,
    pub server: String,
    pub server_key: String,
}

impl Certificates {
    /// For a server on this machine's loopback.
    pub fn for_loopback() -> Result<Self> {
        let authority_key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Clients tell issuers apart by name: without one, a server looks as if signed by itself.
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "authority of one test");
        let authority = params.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(params, authority_key);

        let server_key = KeyPair::generate()?;
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.use_authority_key_identifier_extension = true;
        let server = params.signed_by(&server_key, &issuer)?.pem();
        Ok(Self {
            authority,
            server,
            server_key: server_key.serialize_pem(),
        })
    }
}

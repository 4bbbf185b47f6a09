//! JPEG by libjpeg-turbo: baseline, extended and progressive of 8 and 12 bits, lossless of 2 to 16.

#![expect(unsafe_code, reason = "libjpeg-turbo is a C library; turbojpeg wraps its 8-bit functions only")]

use std::ffi::{CStr, c_int};

use turbojpeg_sys as tj;

use super::Task;
use super::facts::segments;

/// An APP14 segment that says whether three colours were transformed to YCbCr, in its last byte.
const ADOBE: [u8; 16] = *b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00";
/// More scans than any encoder writes; each of them costs the time of a whole picture.
const MAX_SCANS: c_int = 500;
/// Working memory for coefficients of progressive pictures, in megabytes.
const MAX_MEMORY_MB: c_int = 4096;

/// Samples of one or two bytes, interleaved.
pub fn decode(task: &Task, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (samples, bits) = (task.samples(), task.bits);
    let marked;
    let bytes = if task.components == 3 {
        marked = with_adobe(bytes, task.transformed);
        &marked
    } else {
        bytes
    };
    let decoder = Decoder::new()?;
    decoder.header(bytes, task)?;
    if bits <= 8 {
        let mut out = vec![0u8; samples];
        // SAFETY: the handle lives; `bytes` and `out` are as long as stated and as the header, read from
        // the same bytes above, asks for; a pitch of 0 packs rows.
        let code = unsafe {
            tj::tj3Decompress8(
                decoder.0,
                bytes.as_ptr(),
                bytes.len() as _,
                out.as_mut_ptr(),
                0,
                decoder.layout(task),
            )
        };
        decoder.check(code)?;
        return Ok(out);
    }
    let mut out = vec![0u16; samples];
    // SAFETY: as above; samples of 9 to 16 bits have 16-bit places.
    let code = unsafe {
        if bits <= 12 {
            let out = out.as_mut_ptr().cast::<i16>();
            tj::tj3Decompress12(decoder.0, bytes.as_ptr(), bytes.len() as _, out, 0, decoder.layout(task))
        } else {
            let out = out.as_mut_ptr();
            tj::tj3Decompress16(decoder.0, bytes.as_ptr(), bytes.len() as _, out, 0, decoder.layout(task))
        }
    };
    decoder.check(code)?;
    Ok(out.iter().flat_map(|sample| sample.to_le_bytes()).collect())
}

/// The picture with one statement about its colours: the decoder believes JFIF and Adobe segments
/// before anything else, and the caller has weighed them already.
fn with_adobe(bytes: &[u8], transformed: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + ADOBE.len());
    out.extend_from_slice(&bytes[..2]);
    out.extend_from_slice(&ADOBE[..15]);
    out.push(u8::from(transformed));
    let mut kept = 2;
    for (marker, range) in segments(bytes) {
        if matches!(marker, 0xE0 | 0xEE) {
            out.extend_from_slice(&bytes[kept..range.start]);
            kept = range.end.min(bytes.len());
        }
    }
    out.extend_from_slice(&bytes[kept..]);
    out
}

struct Decoder(tj::tjhandle);

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the handle comes from tj3Init and is destroyed once.
        unsafe { tj::tj3Destroy(self.0) }
    }
}

impl Decoder {
    fn new() -> Result<Self, String> {
        // SAFETY: no argument but a constant.
        let handle = unsafe { tj::tj3Init(tj::TJINIT_TJINIT_DECOMPRESS as c_int) };
        if handle.is_null() {
            return Err("the JPEG decoder cannot start".into());
        }
        let decoder = Self(handle);
        for (parameter, value) in
            [(tj::TJPARAM_TJPARAM_SCANLIMIT, MAX_SCANS), (tj::TJPARAM_TJPARAM_MAXMEMORY, MAX_MEMORY_MB)]
        {
            // SAFETY: the handle lives.
            unsafe { tj::tj3Set(decoder.0, parameter as c_int, value) };
        }
        Ok(decoder)
    }

    /// Reads the header and makes sure that it asks for the samples of the task.
    fn header(&self, bytes: &[u8], task: &Task) -> Result<(), String> {
        // SAFETY: the handle lives and `bytes` is as long as stated.
        let code = unsafe { tj::tj3DecompressHeader(self.0, bytes.as_ptr(), bytes.len() as _) };
        self.check(code)?;
        // SAFETY: the handle lives.
        let get = |parameter: u32| unsafe { tj::tj3Get(self.0, parameter as c_int) };
        let found = [
            get(tj::TJPARAM_TJPARAM_JPEGWIDTH),
            get(tj::TJPARAM_TJPARAM_JPEGHEIGHT),
            get(tj::TJPARAM_TJPARAM_PRECISION),
        ];
        if found == [task.columns as c_int, task.rows as c_int, c_int::from(task.bits)] {
            Ok(())
        } else {
            Err("it has a second header that contradicts the first".into())
        }
    }

    fn layout(&self, task: &Task) -> c_int {
        if task.components == 3 { tj::TJPF_TJPF_RGB } else { tj::TJPF_TJPF_GRAY }
    }

    /// Damaged pictures are decoded with a warning and grey where data is missing: an error here.
    fn check(&self, code: c_int) -> Result<(), String> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the handle lives; the text belongs to it and ends with a zero.
        let text = unsafe { CStr::from_ptr(tj::tj3GetErrorStr(self.0)) }.to_string_lossy().into_owned();
        // SAFETY: the handle lives.
        let warning = unsafe { tj::tj3GetErrorCode(self.0) } == tj::TJERR_TJERR_WARNING as c_int;
        let harmless = ["extraneous bytes", "Invalid SOS parameters", "Unknown Adobe", "revision number"];
        if warning && harmless.iter().any(|known| text.contains(known)) { Ok(()) } else { Err(text) }
    }
}

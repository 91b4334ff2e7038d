//! Checks that an executable runs in an empty image: for x86-64, and without an interpreter.

const X86_64: u16 = 62;
const LOAD_INTERPRETER: u32 = 3;
const HEADER_LEN: usize = 64;

/// Returns the reason why the executable cannot run.
pub fn check(executable: &[u8]) -> Result<(), String> {
    let header = executable
        .get(..HEADER_LEN)
        .ok_or("it is not an ELF file")?;
    if !header.starts_with(b"\x7fELF") {
        return Err("it is not an ELF file".into());
    }
    // 64 bits, little-endian.
    if header[4..6] != [2, 1] || half(header, 18) != X86_64 {
        return Err("it was not built for x86-64".into());
    }
    let (first, size) = (long(header, 32), usize::from(half(header, 54)));
    for index in 0..usize::from(half(header, 56)) {
        let begin = usize::try_from(first)
            .ok()
            .and_then(|first| first.checked_add(index * size));
        let kind = begin
            .and_then(|begin| executable.get(begin..begin.checked_add(4)?))
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_le_bytes)
            .ok_or("it is truncated")?;
        if kind == LOAD_INTERPRETER {
            return Err("it is dynamically linked, and the image has no libraries".into());
        }
    }
    Ok(())
}

fn half(header: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([header[at], header[at + 1]])
}

fn long(header: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&header[at..at + 8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn dynamically_linked_executable_is_rejected() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        assert!(check(&own).unwrap_err().contains("dynamically linked"));
    }

    #[test]
    fn file_that_is_not_an_x86_64_executable_is_rejected() {
        assert!(check(b"").is_err() && check(b"#!/bin/sh\n").is_err());
        let mut own = std::fs::read("/proc/self/exe").unwrap();
        own[18] = 183;
        assert!(check(&own).unwrap_err().contains("not built for x86-64"));
        own[18] = 62;
        own.truncate(70);
        assert!(check(&own).unwrap_err().contains("truncated"));
    }
}

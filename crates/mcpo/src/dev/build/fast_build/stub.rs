//! Writes a stub of the library: it has the library's name, and it defines only the symbols that an
//! executable uses.
//!
//! A linker reads all symbols of a library, of which the real one has tens of thousands. When the
//! executable starts, the system loads the real library, which has the same name (`DT_SONAME`).

use std::{
    collections::HashSet,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use object::{
    Endianness, ReadCache, StringTable, elf,
    read::elf::{ElfFile64, FileHeader as _, SectionHeader as _, Sym as _},
    write::{
        StringId,
        elf::{FileHeader, SectionHeader, Sym, Writer},
    },
};

type Elf<'a> = ElfFile64<'a, Endianness, &'a ReadCache<File>>;
type Symbol = elf::Sym64<Endianness>;
type Error = Box<dyn std::error::Error + Send + Sync>;

/// Returns the path of the stub.
pub fn path(folder: &Path) -> PathBuf {
    folder.join("library-stub.so")
}

/// Writes a stub of `library` with the symbols that `executable` uses. The error is that of a file,
/// or of a format other than ELF for 64 bits.
pub fn write(library: &Path, executable: &Path, stub: &Path) -> io::Result<()> {
    let (library, executable) = (open(library)?, open(executable)?);
    let (library, executable) = (parse(&library)?, parse(&executable)?);
    let text = render(&library, &executable).map_err(io::Error::other)?;
    // The rename is atomic, so a linker never reads a partial file.
    let folder = stub.parent().ok_or(io::ErrorKind::NotFound)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, &text)?;
    file.persist(stub)?;
    Ok(())
}

fn open(path: &Path) -> io::Result<ReadCache<File>> {
    Ok(ReadCache::new(File::open(path)?))
}

fn parse(data: &ReadCache<File>) -> io::Result<Elf<'_>> {
    Elf::parse(data).map_err(io::Error::other)
}

/// Returns the name that executables of the library refer to.
fn name<'a>(library: &Elf<'a>) -> Result<&'a [u8], Error> {
    let table = library.elf_dynamic_table()?;
    let mut entries = table.iter();
    let name = entries.find(|entry| entry.tag == elf::DT_SONAME);
    Ok(table.string(name.ok_or("the library has no name")?)?)
}

/// Returns the symbols of the library that the executable uses, with their names.
fn used<'a>(library: &Elf<'a>, executable: &Elf<'a>) -> Result<Vec<(&'a [u8], &'a Symbol)>, Error> {
    let mut wanted = HashSet::new();
    for (name, symbol) in symbols(executable)? {
        if symbol.is_undefined(executable.endian()) {
            wanted.insert(name?);
        }
    }
    let mut used = Vec::new();
    for (name, symbol) in symbols(library)? {
        let name = name?;
        if !symbol.is_undefined(library.endian()) && wanted.contains(name) {
            used.push((name, symbol));
        }
    }
    Ok(used)
}

/// Returns all symbols of a file for the system's loader, with their names. All names are read at
/// once: the library has tens of thousands.
fn symbols<'a>(
    file: &Elf<'a>,
) -> Result<impl Iterator<Item = (Result<&'a [u8], Error>, &'a Symbol)>, Error> {
    let (table, endian) = (file.elf_dynamic_symbol_table(), file.endian());
    let strings = file.elf_section_table().section(table.string_section())?;
    let strings = strings.data(endian, file.data())?;
    let strings = StringTable::new(strings, 0, strings.len() as u64);
    let name = move |symbol: &Symbol| {
        let name = strings.get(symbol.st_name(endian));
        name.map_err(|()| Error::from("a symbol has no name"))
    };
    Ok(table.iter().map(move |symbol| (name(symbol), symbol)))
}

/// Returns the header of a library for the same system.
fn file_header(library: &Elf<'_>) -> FileHeader {
    let (header, endian) = (library.elf_header(), library.endian());
    FileHeader {
        os_abi: header.e_ident().os_abi,
        abi_version: header.e_ident().abi_version,
        e_type: elf::ET_DYN,
        e_machine: header.e_machine(endian),
        e_entry: 0,
        e_flags: header.e_flags(endian),
    }
}

/// Returns the section that all symbols are in. It is empty, because no code is loaded from here.
fn code_section(name: StringId) -> SectionHeader {
    SectionHeader {
        name: Some(name),
        sh_type: elf::SHT_NOBITS,
        sh_flags: (elf::SHF_ALLOC | elf::SHF_EXECINSTR).into(),
        sh_addr: 0,
        sh_offset: 0,
        sh_size: 0,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 16,
        sh_entsize: 0,
    }
}

/// Returns the contents of the stub.
fn render(library: &Elf<'_>, executable: &Elf<'_>) -> Result<Vec<u8>, Error> {
    let endian = library.endian();
    let used = used(library, executable)?;
    let name = name(library)?;
    let mut buffer = Vec::new();
    let mut writer = Writer::new(endian, true, &mut buffer);
    // Everything is reserved first, in the order of the writes below.
    writer.reserve_file_header();
    let name = writer.add_dynamic_string(name);
    writer.reserve_null_dynamic_symbol_index();
    let symbols = used.iter().map(|(name, symbol)| {
        writer.reserve_dynamic_symbol_index();
        (writer.add_dynamic_string(name), symbol)
    });
    let symbols: Vec<_> = symbols.collect();
    writer.reserve_null_section_index();
    let code_name = writer.add_section_name(b".text");
    let code = writer.reserve_section_index();
    writer.reserve_dynsym_section_index();
    writer.reserve_dynstr_section_index();
    writer.reserve_dynamic_section_index();
    writer.reserve_shstrtab_section_index();
    let symbols_at = writer.reserve_dynsym();
    let strings_at = writer.reserve_dynstr();
    let dynamic_at = writer.reserve_dynamic(2);
    writer.reserve_shstrtab();
    writer.reserve_section_headers();

    writer.write_file_header(&file_header(library))?;
    writer.write_null_dynamic_symbol();
    for (name, symbol) in symbols {
        writer.write_dynamic_symbol(&Sym {
            name: Some(name),
            section: Some(code),
            st_info: symbol.st_info(),
            st_other: symbol.st_other(),
            st_shndx: 0,
            st_value: 0,
            st_size: symbol.st_size(endian),
        });
    }
    writer.write_dynstr();
    writer.write_align_dynamic();
    writer.write_dynamic_string(elf::DT_SONAME, name)?;
    writer.write_dynamic(elf::DT_NULL, 0)?;
    writer.write_shstrtab();
    writer.write_null_section_header();
    writer.write_section_header(&code_section(code_name));
    // The sections are at the addresses of their offsets.
    writer.write_dynsym_section_header(symbols_at as u64, 1);
    writer.write_dynstr_section_header(strings_at as u64);
    writer.write_dynamic_section_header(dynamic_at as u64);
    writer.write_shstrtab_section_header();
    Ok(buffer)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    #[test]
    fn a_program_that_is_linked_to_the_stub_runs_with_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let cc = |arguments: &str| {
            let mut cc = Command::new("cc");
            cc.args(arguments.split(' ')).current_dir(folder.path());
            cc.output().unwrap().status.success()
        };
        for (file, text) in [
            (
                "library.c",
                "int used() { return 7; } int other() { return 8; } int data = 9;",
            ),
            (
                "program.c",
                "int used(); extern int data; int main() { return used() + data; }",
            ),
            ("changed.c", "int other(); int main() { return other(); }"),
        ] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        let options = "-fPIC -Wl,-rpath,$ORIGIN";
        let path = |name: &str| folder.path().join(name);
        assert!(cc(
            "-shared -fPIC library.c -Wl,-soname=liblibrary.so -o liblibrary.so"
        ));
        assert!(cc(&format!("{options} program.c liblibrary.so -o program")));

        let stub = super::path(folder.path());
        write(&path("liblibrary.so"), &path("program"), &stub).unwrap();
        assert!(cc(&format!(
            "{options} program.c library-stub.so -o linked-to-stub"
        )));
        let ended = Command::new(path("linked-to-stub")).status().unwrap();
        assert_eq!(ended.code(), Some(16));
        // The stub has only the symbols of this program.
        assert!(!cc(&format!(
            "{options} changed.c library-stub.so -o changed"
        )));
        assert!(cc(&format!("{options} changed.c liblibrary.so -o changed")));
    }
}

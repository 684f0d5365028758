//! The package that the root of a scan lies in: `from shop.cart import total` means the same file whether the scan begins
//! above `shop` or within it.

use std::path::Path;

use crate::base::IdVec;
use crate::text::{FileId, SourceFile};

/// Sets [`SourceFile::package`] in all files, which lie in `root`.
pub fn mark_package(root: &Path, files: &mut IdVec<FileId, SourceFile>) {
    let package = package(root);
    if !package.is_empty() {
        files.iter_mut().for_each(|file| file.package.clone_from(&package));
    }
}

/// The dotted name of `root` where it is a package. A repository's own folder ends it: its name is whatever who cloned it
/// has chosen.
fn package(root: &Path) -> String {
    let Ok(root) = root.canonicalize() else { return String::new() };
    let is_package = |folder: &&Path| {
        let marks = folder.join("__init__.py");
        marks.symlink_metadata().is_ok_and(|about| about.is_file()) && !folder.join(".git").exists()
    };
    let folders = root.ancestors().take_while(is_package);
    let names = folders.map(|folder| folder.file_name()?.to_str().map(str::to_owned));
    let Some(mut names) = names.collect::<Option<Vec<String>>>() else { return String::new() };
    names.reverse();
    names.join(".")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::package;

    #[test]
    fn packages_end_where_no_init_is_and_at_a_repository() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("src/shop/cart/data")).unwrap();
        for folder in ["src/shop", "src/shop/cart"] {
            fs::write(root.join(folder).join("__init__.py"), "").unwrap();
        }
        assert_eq!(package(&root.join("src")), "");
        assert_eq!(package(&root.join("src/shop")), "shop");
        assert_eq!(package(&root.join("src/shop/cart")), "shop.cart");
        assert_eq!(package(&root.join("src/shop/cart/data")), "");
        fs::create_dir(root.join("src/shop/.git")).unwrap();
        assert_eq!(package(&root.join("src/shop/cart")), "cart");
        assert_eq!(package(&root.join("src/shop")), "");
    }
}

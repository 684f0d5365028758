//! Dotted module names from file paths, and relative imports.

/// The dotted name of the module at `path`: `src/pkg/a.py` is `pkg.a`, `pkg/__init__.py` is `pkg`. Paths begin in the
/// package called `package`, or, where that is empty, in none.
///
/// Source: Python's import system; `src/` is the layout of the packaging user guide.
#[must_use]
pub fn module_name(package: &str, path: &str) -> String {
    let path = path.strip_prefix("src/").filter(|_| package.is_empty()).unwrap_or(path);
    let stem = [".pyi", ".py", ".ipynb"].iter().find_map(|suffix| path.strip_suffix(suffix)).unwrap_or(path);
    if stem == "__init__" && !package.is_empty() {
        return package.to_owned();
    }
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    let name = stem.replace('/', ".");
    if package.is_empty() { name } else { format!("{package}.{name}") }
}

/// What `from {dots}{name}` means inside `module`; `is_package` when the file is an `__init__`.
pub(super) fn absolute(module: &str, is_package: bool, level: u32, name: &str) -> String {
    if level == 0 {
        return name.to_owned();
    }
    let mut parts: Vec<&str> = module.split('.').collect();
    let up = level as usize - usize::from(is_package);
    parts.truncate(parts.len().saturating_sub(up));
    if !name.is_empty() {
        parts.push(name);
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::{absolute, module_name};

    #[test]
    fn paths_become_dotted_names() {
        assert_eq!(module_name("", "src/pkg/a.py"), "pkg.a");
        assert_eq!(module_name("", "pkg/__init__.py"), "pkg");
        assert_eq!(module_name("", "bin/tool"), "bin.tool");
        assert_eq!(module_name("shop.cart", "src/a.py"), "shop.cart.src.a");
        assert_eq!(module_name("shop.cart", "__init__.py"), "shop.cart");
    }

    #[test]
    fn relative_imports_climb_from_their_package() {
        assert_eq!(absolute("pkg.a.b", false, 1, "c"), "pkg.a.c");
        assert_eq!(absolute("pkg.a", true, 1, "c"), "pkg.a.c");
        assert_eq!(absolute("pkg.a.b", false, 2, ""), "pkg");
        assert_eq!(absolute("a", false, 5, "c"), "c");
    }
}

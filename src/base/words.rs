//! The words that names are made of.

/// The words of an identifier, lower case: `_delete_port` is `delete`, `port`; `getVolumeById` is `get`, `volume`, ….
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        return name.split('_').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    }
    let mut words: Vec<String> = Vec::new();
    let mut previous_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            previous_lower = false;
            words.push(String::new());
            continue;
        }
        if (c.is_uppercase() && previous_lower) || words.is_empty() {
            words.push(String::new());
        }
        previous_lower = c.is_lowercase() || c.is_ascii_digit();
        if let Some(last) = words.last_mut() {
            last.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

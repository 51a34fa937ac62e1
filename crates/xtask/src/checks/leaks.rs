//! Looks through every file that is, or would be, in the repository for what must never be there: secrets, paths of one person's machine, addresses of one
//! network's package mirrors.

use std::fs;

use crate::problem::{Outcome, Problem};
use crate::process;
use crate::project::Project;

/// Files above this are data, not something that a person wrote a secret into.
const LARGEST_FILE_BYTES: u64 = 4 << 20;

/// Beginnings of secrets, each with the number of letters or digits that make it a real one rather than a mention.
const SECRETS: [(&str, usize); 8] =
    [("ghp_", 36), ("gho_", 36), ("ghu_", 36), ("ghs_", 36), ("ghr_", 36), ("github_pat_", 22), ("AKIA", 16), ("ASIA", 16)];

/// AWS marks the keys of its documentation so, and everybody after it.
const EXAMPLE: &str = "EXAMPLE";

/// How a private key file begins. The line after it must be the key: naming the header alone is no leak.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// The characters that a line of a private key has at least.
const KEY_LINE: usize = 60;

/// Folders that exist on one machine only.
const MACHINE_PATHS: [&str; 4] = [concat!("/ro", "ot/"), concat!("/Use", "rs/"), concat!("/wo", "rk/"), concat!("/tmp", "/w/")];

/// Homes of users that are part of the product.
const KNOWN_HOMES: [&str; 1] = ["runner"];

/// Settings that point a package manager at another address than the public registry.
const MIRRORS: [&str; 6] = [
    concat!("--index", "-url"),
    concat!("--extra-index", "-url"),
    concat!("--find", "-links"),
    concat!("--trusted", "-host"),
    concat!("replace", "-with"),
    concat!("registry+sparse", "+"),
];

/// Fails with one line per finding.
pub async fn check(project: &Project) -> Outcome {
    let mut list = process::command("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(project.root());
    let list = process::read(list).await.map_err(|problem| problem.next("this check needs git and a checkout, not an archive"))?;
    let mut findings = Vec::new();
    let mut read = 0_usize;
    for name in list.split_terminator('\0') {
        let path = project.path(name);
        let Ok(facts) = fs::symlink_metadata(&path) else { continue };
        if !facts.is_file() || facts.len() > LARGEST_FILE_BYTES {
            continue;
        }
        read += 1;
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        findings.extend(findings_in(&text).into_iter().map(|(line, what)| format!("{name}:{line}: {what}")));
    }
    println!("{read} files looked through");
    if findings.is_empty() { Ok(()) } else { Err(Problem::new(findings.join("\n"))) }
}

fn findings_in(text: &str) -> Vec<(usize, String)> {
    let mut findings = Vec::new();
    let mut after_key_header = false;
    for (index, line) in text.lines().enumerate() {
        let mut found = |what: String| findings.push((index + 1, what));
        if after_key_header && is_key_line(line) {
            found("a private key".into());
        }
        after_key_header = line.contains(PRIVATE_KEY);
        for (beginning, length) in SECRETS {
            if has_secret(line, beginning, length) {
                found(format!("a secret that begins with {beginning}"));
            }
        }
        if let Some(path) = MACHINE_PATHS.iter().find(|path| has_path(line, path)) {
            found(format!("a path of one machine: {path}"));
        }
        if let Some(user) = foreign_home(line) {
            found(format!("a home folder of one machine: {user}"));
        }
        if let Some(mirror) = MIRRORS.iter().find(|mirror| line.contains(**mirror)) {
            found(format!("a package mirror: {mirror}"));
        }
    }
    findings
}

fn is_key_line(line: &str) -> bool {
    let line = line.trim().trim_matches(['"', '\\', 'n', ',']);
    line.len() >= KEY_LINE && line.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '='))
}

fn has_secret(line: &str, beginning: &str, length: usize) -> bool {
    line.match_indices(beginning).any(|(at, _)| {
        let starts_a_word = line[..at].chars().next_back().is_none_or(|before| !before.is_ascii_alphanumeric());
        let rest: String =
            line[at + beginning.len()..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
        starts_a_word && rest.len() >= length && !rest.contains(EXAMPLE) && !is_filler(&rest)
    })
}

/// `xxxxxxxx…` and `00000000…` stand where a document shows the shape of a secret.
fn is_filler(rest: &str) -> bool {
    let mut letters = rest.chars();
    let first = letters.next();
    letters.all(|letter| Some(letter) == first)
}

fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path)
        .any(|(at, _)| line[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && !"}.-_$~/*".contains(before)))
}

fn foreign_home(line: &str) -> Option<String> {
    line.match_indices("/home/").find_map(|(at, home)| {
        let user: String =
            line[at + home.len()..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect();
        let known = user.is_empty() || KNOWN_HOMES.contains(&user.as_str());
        (!known && !line[..at].ends_with(|before: char| before.is_alphanumeric())).then_some(user)
    })
}

#[cfg(test)]
mod tests {
    use super::findings_in;

    #[test]
    fn finds_what_must_not_be_there() {
        let token = format!("token: {}{}", "ghs_", "aB3".repeat(12));
        let key = format!("-----BEGIN RSA {}\n{}", "PRIVATE KEY-----", "MIIEpAIBAAKCAQEAx9".repeat(4));
        let home = format!("see {}{}", "/home/", "somebody/notes");
        for text in [token, key, home, format!("{}{}x", "/ro", "ot/"), format!("{}{} https://example.invalid", "--index", "-url")] {
            assert_eq!(findings_in(&text).len(), 1, "{text}");
        }
    }

    #[test]
    fn mentions_are_no_leaks() {
        for text in [
            "a token begins with `ghs_`",
            "AKIAIOSFODNN7EXAMPLE",
            "/home/runner/run.sh",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            concat!("$target/wo", "rk/here"),
        ] {
            assert_eq!(findings_in(text), Vec::new(), "{text}");
        }
    }
}

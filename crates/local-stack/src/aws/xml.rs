//! As much XML as the query protocol's answers need: flat elements, found by their names. No attributes, no namespaces, no nesting of equal names.

/// The texts of all elements of this name, in order.
#[must_use]
pub fn tag_values(xml: &str, tag: &str) -> Vec<String> {
    blocks(xml, tag).into_iter().map(unescaped).collect()
}

/// The text of the first element of this name.
#[must_use]
pub fn tag_value(xml: &str, tag: &str) -> Option<String> {
    blocks(xml, tag).first().map(|text| unescaped(text))
}

/// The insides of all elements of this name, as they stand there.
#[must_use]
pub fn blocks<'a>(xml: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut found = Vec::new();
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once(open.as_str()) {
        let Some((inside, behind)) = after.split_once(close.as_str()) else { break };
        found.push(inside);
        rest = behind;
    }
    found
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_element_and_its_plain_text() {
        let xml = "<a><member><K>one</K></member><member><K>&lt;two&gt; &amp;amp;</K></member></a>";
        assert_eq!(tag_values(xml, "K"), ["one", "<two> &amp;"]);
        assert_eq!(blocks(xml, "member").len(), 2);
        assert_eq!(tag_value(xml, "missing"), None);
    }
}

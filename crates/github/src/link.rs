//! The `Link` header, by which GitHub names the next page. Pure.
//!
//! Only one parameter is ever taken from it: the address in it is not followed, since it could lead anywhere.

use reqwest::Url;

/// The value of a query parameter in the address of the next page; none where the header names no next page.
pub(crate) fn next(link: &str, parameter: &str) -> Option<String> {
    let next = link.split(',').find(|part| part.split(';').skip(1).any(|relation| relation.trim() == "rel=\"next\""))?;
    let address = next.split(';').next()?.trim().strip_prefix('<')?.strip_suffix('>')?;
    let url = Url::parse(address).ok()?;
    url.query_pairs().find_map(|(key, value)| if key == parameter { Some(value.into_owned()) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        let link =
            "<https://api.github.com/x?per_page=100&page=1>; rel=\"prev\", <https://api.github.com/x?per_page=100&page=3>; rel=\"next\"";
        assert_eq!(next(link, "page").as_deref(), Some("3"));
        assert_eq!(next(link, "cursor"), None);
        assert_eq!(next("<https://api.github.com/x?cursor=v1_%2B5>; rel=\"next\"", "cursor").as_deref(), Some("v1_+5"));
        for last in [
            "",
            "<https://api.github.com/x?page=1>; rel=\"first\"",
            "<https://api.github.com/x>; rel=\"next\"",
            "<x>; rel=\"next\"",
            ";,;<",
        ] {
            assert_eq!(next(last, "page"), None, "{last}");
        }
    }
}

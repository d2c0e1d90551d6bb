//! READMEs as HTML. What a README may not do: bring HTML of its own, or links that run scripts.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// Renders a README below a heading of the page. Its first heading goes: it is the job's name.
pub fn render(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut in_title = false;
    let mut seen_title = false;
    let mut links = Vec::new();
    let events = Parser::new_ext(markdown, options).filter_map(|event| {
        match &event {
            Event::Start(Tag::Heading {
                level: HeadingLevel::H1,
                ..
            }) if !seen_title => (in_title, seen_title) = (true, true),
            Event::End(TagEnd::Heading(HeadingLevel::H1)) if in_title => {
                in_title = false;
                return None;
            }
            _ => {}
        }
        if in_title {
            None
        } else {
            plain(event, &mut links)
        }
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

/// An event as the page may have it.
fn plain<'a>(event: Event<'a>, links: &mut Vec<bool>) -> Option<Event<'a>> {
    match event {
        // Shown as it is written.
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => None,
        Event::Start(Tag::Heading { level, .. }) => Some(Event::Start(Tag::Heading {
            level: lower(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        })),
        Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(lower(level)))),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let is_kept = leads_to_the_web(&dest_url);
            links.push(is_kept);
            is_kept.then_some(Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }))
        }
        Event::End(TagEnd::Link) => links.pop().unwrap_or(false).then_some(event),
        // Their text stays; the picture would have to be fetched.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        other => Some(other),
    }
}

/// Other links lead to files beside the README, which are not on the site.
fn leads_to_the_web(link: &CowStr<'_>) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 | HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_brings_no_html_and_no_scripts() {
        let html = render(
            "# job <b>name</b>\n\nText <img src=x onerror=alert(1)> `<i>`.\n\n<script>alert(2)</script>\n\n\
             ## Part\n\n[bad](javascript:alert(3)) [file](../x.md) [web](https://example.org/?a=\"b) \
             ![pic](http://e/x.png)\n\n| a | b |\n|---|---|\n| 1 | <u> |\n",
        );
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>"));
        assert!(!html.contains("javascript:") && !html.contains("../x.md"));
        assert!(html.contains("&lt;script&gt;") && html.contains("&lt;img src=x"));
        assert!(html.contains("<h3>Part</h3>") && html.contains("<table>"));
        assert!(
            html.contains("<a href=\"https://example.org/?a=%22b\">web</a>"),
            "{html}"
        );
        assert!(html.contains("bad file") && html.contains("pic"));
        assert!(!html.contains("name"), "the title goes: {html}");
    }
}

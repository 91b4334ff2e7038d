//! HTML forms, as a user without scripts can use them.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use crate::html::attribute;

/// One form of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Form {
    pub action: String,
    pub post: bool,
    /// Names and values as a browser would send them, without the password and the buttons.
    pub fields: Vec<(String, String)>,
    pub password: Option<String>,
    /// Names of the empty fields that the user fills in.
    typed: Vec<String>,
    buttons: Vec<Button>,
}

/// How a form is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitButton<'f> {
    /// With a button whose name and value are sent.
    Button { name: &'f str, value: &'f str },
    /// With a button that has no name, or with the enter key.
    Nameless,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Button {
    name: String,
    value: String,
    label: String,
}

const YES: &[&str] = &[
    "allow",
    "approve",
    "accept",
    "authorize",
    "authorise",
    "agree",
    "continue",
    "confirm",
    "yes",
    "sign in",
    "log in",
    "login",
    "grant",
];
const NO: &[&str] = &[
    "deny", "disallow", "cancel", "reject", "refuse", "decline", "don't", "not ",
];

impl Button {
    fn is_yes(&self) -> bool {
        self.says_any(YES) && !self.says_any(NO)
    }

    fn says_any(&self, words: &[&str]) -> bool {
        let said = format!("{} {} {}", self.name, self.value, self.label).to_lowercase();
        words.iter().any(|word| said.contains(word))
    }
}

impl Form {
    /// Returns every form of the page, in order.
    pub fn all(html: &str) -> Vec<Self> {
        let mut forms: Vec<Self> = Vec::new();
        let mut open = false;
        let mut labelled = false;
        let mut emitter = DefaultEmitter::default();
        // Otherwise markup inside scripts and text areas would count.
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter) {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) if &**tag.name == b"form" => {
                    let post = attribute(&tag, b"method")
                        .is_some_and(|method| method.eq_ignore_ascii_case("post"));
                    let action = attribute(&tag, b"action").unwrap_or_default();
                    forms.push(Self {
                        action,
                        post,
                        ..Self::default()
                    });
                    open = true;
                }
                Token::StartTag(tag) if open => {
                    if let Some(form) = forms.last_mut() {
                        labelled = form.add(&tag);
                    }
                }
                Token::String(text) if open && labelled => {
                    if let Some(button) = forms.last_mut().and_then(|form| form.buttons.last_mut())
                    {
                        button.label.push_str(&String::from_utf8_lossy(&text));
                    }
                }
                Token::EndTag(tag) if &**tag.name == b"form" => open = false,
                Token::EndTag(tag) if &**tag.name == b"button" => labelled = false,
                _ => {}
            }
        }
        forms
    }

    /// Adds an element of the form; returns true if the text that follows is a button's label.
    fn add(&mut self, tag: &StartTag<()>) -> bool {
        let get = |name: &[u8]| attribute(tag, name);
        let name = get(b"name").unwrap_or_default();
        let value = get(b"value").unwrap_or_default();
        let kind = get(b"type").unwrap_or_default().to_lowercase();
        match (&**tag.name, kind.as_str()) {
            (b"button", "button" | "reset") | (b"input", "button" | "reset" | "file" | "image") => {
            }
            (b"button", _) => {
                self.buttons.push(Button {
                    name,
                    value,
                    ..Button::default()
                });
                return true;
            }
            (b"input", "submit") => self.buttons.push(Button {
                name,
                value,
                ..Button::default()
            }),
            (b"input", "password") => self.password = Some(name),
            (b"input", "checkbox" | "radio") if get(b"checked").is_none() => {}
            (b"input", "checkbox" | "radio") if value.is_empty() => {
                self.fields.push((name, "on".to_owned()));
            }
            (b"input", _) if !name.is_empty() => {
                if matches!(kind.as_str(), "" | "text" | "email") && value.is_empty() {
                    self.typed.push(name.clone());
                }
                self.fields.push((name, value));
            }
            _ => {}
        }
        false
    }

    /// Returns true if the form has something to send or to press. Error pages may contain a form
    /// without either.
    pub fn is_usable(&self) -> bool {
        self.password.is_some() || !self.fields.is_empty() || !self.buttons.is_empty()
    }

    /// Returns true if the user has to fill in the field `name`.
    pub fn is_typed(&self, name: &str) -> bool {
        self.typed.iter().any(|typed| typed == name)
    }

    /// Returns true if the text of a button means yes.
    pub fn says_yes(&self) -> bool {
        self.buttons.iter().any(Button::is_yes)
    }

    /// Returns the name and value of the button that means yes; `None` if every button means no.
    pub fn agreement(&self) -> Option<SubmitButton<'_>> {
        let willing = || self.buttons.iter().filter(|button| !button.says_any(NO));
        let chosen = willing()
            .find(|button| button.is_yes())
            .or_else(|| willing().next());
        match chosen {
            Some(button) if button.name.is_empty() => Some(SubmitButton::Nameless),
            Some(Button { name, value, .. }) => Some(SubmitButton::Button { name, value }),
            None if self.buttons.is_empty() => Some(SubmitButton::Nameless),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, SubmitButton};

    #[test]
    fn allow_button_of_a_consent_form_is_chosen() {
        let forms = Form::all(
            r#"<p>Hi<form method=POST action="/consent?a=1&amp;b=2"><input type=hidden name=t value="&quot;x">
               <input type=checkbox name=c checked><input type=checkbox name=d>
               <button name=decision value=deny>No</button><button name=decision value=allow>Yes</button></form>
               <input name=outside>"#,
        );
        assert_eq!(forms.len(), 1);
        assert_eq!(forms[0].action, "/consent?a=1&b=2");
        assert!(forms[0].post);
        assert_eq!(
            forms[0].fields,
            [("t".into(), "\"x".into()), ("c".into(), "on".into())]
        );
        assert_eq!(
            forms[0].agreement(),
            Some(SubmitButton::Button {
                name: "decision",
                value: "allow"
            })
        );
    }

    #[test]
    fn form_with_only_a_cancel_button_is_not_submitted() {
        let forms = Form::all(
            "<form><button>Cancel</button></form><form><input type=submit value='Sign in'></form>",
        );
        assert_eq!(forms[0].agreement(), None);
        assert_eq!(forms[1].agreement(), Some(SubmitButton::Nameless));
    }

    #[test]
    fn a_form_without_inputs_and_buttons_is_not_usable() {
        let forms = Form::all(
            "<form id=f>Sorry</form><form><button>Go</button></form><form><input name=a></form>",
        );
        let usable: Vec<bool> = forms.iter().map(Form::is_usable).collect();
        assert_eq!(usable, [false, true, true]);
    }

    #[test]
    fn forms_in_scripts_and_comments_are_ignored() {
        assert!(
            Form::all("<script>'<form>'</script><!-- <form> --><textarea><form></textarea>")
                .is_empty()
        );
    }
}

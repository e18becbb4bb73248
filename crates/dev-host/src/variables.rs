//! The values of variables, and the templates that quote them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use upon::{Engine, Syntax, Value};

use crate::manifest::{Table, Variable};

/// The application's variables, all with their values.
#[derive(Debug)]
pub(crate) struct Variables {
    values: BTreeMap<String, Value>,
}

impl Variables {
    /// Gives every declared variable its value: from `given`, else from `environment`, else its default.
    ///
    /// `environment` looks an environment variable up; the variable `shop_url` is `SPIN_VARIABLE_SHOP_URL`.
    ///
    /// # Errors
    ///
    /// A required variable has no value, a name is not a variable's name, or `given` has one that is not declared.
    pub(crate) fn resolve(
        declared: &Table<Variable>,
        given: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        if let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name)) {
            bail!("--variable {unknown}: the manifest declares no such variable in [variables]");
        }
        let value_of = |(name, variable): (&String, &Variable)| {
            check_name(name).with_context(|| format!("variables.{name}"))?;
            let from = environment_name(name);
            let value = given
                .get(name)
                .cloned()
                .or_else(|| environment(&from))
                .or_else(|| variable.default.clone())
                .with_context(|| {
                    format!("the required variable `{name}` has no value: set {from}, or pass --variable {name}=…")
                })?;
            Ok((name.clone(), Value::from(value)))
        };
        let values = declared.iter().map(value_of).collect::<Result<_>>()?;
        Ok(Self { values })
    }

    /// Replaces every `{{ name }}` in `template` by the variable's value.
    ///
    /// # Errors
    ///
    /// The braces do not match, or name something that is not a variable.
    pub(crate) fn render(&self, template: &str) -> Result<String> {
        let mut engine = Engine::new();
        engine.set_syntax(Syntax::builder().expr("{{", "}}").build());
        engine
            .compile(template)
            .and_then(|compiled| {
                let by_name = |path: &[upon::ValueMember<'_>]| match path {
                    [name] => match &name.access {
                        upon::ValueAccess::Key(name) => self
                            .values
                            .get(*name)
                            .cloned()
                            .ok_or_else(|| format!("there is no variable `{name}`")),
                        upon::ValueAccess::Index(_) => Err("not the name of a variable".to_owned()),
                    },
                    _ => Err("not the name of a variable".to_owned()),
                };
                compiled.render_from_fn(&engine, by_name).to_string()
            })
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(|| format!("in the template {template:?}"))
    }
}

/// The environment variable that sets an application variable.
fn environment_name(variable: &str) -> String {
    format!("SPIN_VARIABLE_{}", variable.to_ascii_uppercase())
}

/// Refuses what Spin would not take as a variable's name.
///
/// # Errors
///
/// The name is not lower case letters, digits and single underscores, starting with a letter, not ending with `_`.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
        && !name.ends_with('_')
        && !name.contains("__");
    if !valid {
        bail!(
            "{name:?} is no name for a variable: lower case letters, digits and single underscores are"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `[variables]` of a manifest.
    fn declared(table: &str) -> Table<Variable> {
        toml::from_str(table).unwrap()
    }

    fn given(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_command_line_wins_over_the_environment_over_the_default() {
        let declared = declared("a.default = '1'\nb.default = '1'\nc.default = '1'");
        let environment = |name: &str| (name != "SPIN_VARIABLE_C").then(|| "2".to_owned());
        let variables = Variables::resolve(&declared, &given(&[("a", "3")]), environment).unwrap();
        assert_eq!(variables.render("{{ a }}{{b}}{{  c  }}").unwrap(), "321");
    }

    #[test]
    fn a_missing_required_variable_says_how_to_set_it() {
        let error =
            Variables::resolve(&declared("shop_url.required = true"), &given(&[]), |_| None)
                .unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("SPIN_VARIABLE_SHOP_URL"), "{message}");
        assert!(message.contains("--variable shop_url=…"), "{message}");
    }

    #[test]
    fn an_undeclared_variable_is_refused() {
        let error = Variables::resolve(&declared(""), &given(&[("x", "1")]), |_| None).unwrap_err();
        assert!(error.to_string().contains("--variable x"));
    }

    #[test]
    fn templates_keep_everything_but_expressions() {
        let variables =
            Variables::resolve(&declared("host.default = 'a.test'"), &given(&[]), |_| None)
                .unwrap();
        for (template, expected) in [
            ("", ""),
            ("plain {%x%} {#y#}\n", "plain {%x%} {#y#}\n"),
            ("http://{{ host }}:80", "http://a.test:80"),
        ] {
            assert_eq!(variables.render(template).unwrap(), expected);
        }
    }

    #[test]
    fn broken_templates_are_refused() {
        let variables =
            Variables::resolve(&declared("a.default = '1'"), &given(&[]), |_| None).unwrap();
        for template in ["{{ a", "{{ b }}", "{{ a.b }}", "{{ a | upper }}"] {
            let error = variables.render(template).unwrap_err();
            assert!(format!("{error:#}").contains(template), "{error:#}");
        }
        assert!(
            format!("{:#}", variables.render("{{ b }}").unwrap_err()).contains("no variable `b`")
        );
    }

    #[test]
    fn names_follow_spins_rules() {
        for name in ["a", "a1", "redis_url"] {
            check_name(name).unwrap();
        }
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b"] {
            check_name(name).unwrap_err();
        }
    }
}

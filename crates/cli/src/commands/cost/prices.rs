//! The prices that a report counts with: the built-in table, and what a file puts in the place of some.

use crate::error::CliError;
use fargate_runners_prices::{ALL, AS_OF, LEASE, LONE_JOB, Price, REGION};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a task on Spot costs of its price on demand, taken for granted: AWS says up to 70 % less, and changes it daily.
/// <https://aws.amazon.com/fargate/pricing/>
const SPOT_FACTOR: f64 = 0.3;

/// The name under which a file gives that factor.
const SPOT_FACTOR_NAME: &str = "spot_factor";

/// Prices in dollars.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// Where they are from.
    pub source: String,
    given: BTreeMap<String, f64>,
}

/// The prices that were counted with, as a file would give them.
#[derive(Clone, Debug, Serialize)]
pub struct Named {
    /// Where they are from.
    pub source: String,
    /// Dollars by name.
    #[serde(flatten)]
    dollars: BTreeMap<&'static str, f64>,
}

/// A file of prices. Each is for as many of it as the built-in one: an hour, a million.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    source: Option<String>,
    #[serde(flatten)]
    prices: BTreeMap<String, f64>,
}

impl Prices {
    /// The table alone.
    pub fn built_in() -> Self {
        let source = format!(
            "List prices of {REGION} as of {AS_OF}; Spot is taken for {:.0} % of them. --prices FILE replaces them.",
            SPOT_FACTOR * 100.0
        );
        Self { source, given: BTreeMap::new() }
    }

    /// The table with what a file says instead.
    pub fn read(file: &str, text: &str) -> Result<Self, CliError> {
        let File { source, prices: given } =
            serde_json::from_str(text).map_err(|error| CliError::Given(format!("{file} holds no prices: {error}")))?;
        let known = || ALL.iter().map(|price| price.name).chain([SPOT_FACTOR_NAME]);
        for (name, dollars) in &given {
            if !known().any(|known| known == name) {
                let known: Vec<_> = known().collect();
                return Err(CliError::Given(format!(
                    "{file} has a price of {name:?}, of which nothing is known here; known are {}",
                    known.join(", ")
                )));
            }
            if !dollars.is_finite() || *dollars < 0.0 {
                return Err(CliError::Given(format!("{file} has {dollars} for {name:?}: a price is a number of dollars, not less than 0")));
            }
        }
        let source =
            source.unwrap_or_else(|| format!("Prices of {file}; those that it does not give are list prices of {REGION} as of {AS_OF}."));
        Ok(Self { source, given })
    }

    /// All of them, by their names.
    pub fn named(&self) -> Named {
        let dollars = ALL.iter().map(|price| (price.name, self.given.get(price.name).copied().unwrap_or(price.dollars)));
        Named { source: self.source.clone(), dollars: dollars.chain([(SPOT_FACTOR_NAME, self.spot_factor())]).collect() }
    }

    /// What so much of it costs.
    pub fn of(&self, price: Price, quantity: f64) -> f64 {
        Price { dollars: self.given.get(price.name).copied().unwrap_or(price.dollars), ..price }.of(quantity)
    }

    /// What Spot costs of the price on demand.
    pub fn spot_factor(&self) -> f64 {
        self.given.get(SPOT_FACTOR_NAME).copied().unwrap_or(SPOT_FACTOR)
    }

    /// The control plane's share of one task with its job: what it takes for a lone one. In a burst it takes less.
    pub fn control_plane_task(&self) -> f64 {
        LONE_JOB.iter().map(|(price, quantity)| self.of(*price, *quantity)).sum()
    }

    /// What an idle runner's question costs.
    pub fn lease(&self) -> f64 {
        LEASE.iter().map(|(price, quantity)| self.of(*price, *quantity)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fargate_runners_prices::{ADDRESS_HOUR, ARM_VCPU_HOUR, HTTP_API, X86_VCPU_HOUR};

    #[test]
    fn a_file_replaces_the_prices_that_it_gives_and_no_others() {
        let prices =
            Prices::read("prices.json", r#"{"source": "our contract", "x86_vcpu_hour": 0.03, "http_api": 0.0, "spot_factor": 0.5}"#)
                .unwrap();
        assert_eq!(prices.source, "our contract");
        assert!(
            (prices.of(X86_VCPU_HOUR, 2.0) - 0.06).abs() < 1e-12 && (prices.of(ARM_VCPU_HOUR, 1.0) - ARM_VCPU_HOUR.dollars).abs() < 1e-12
        );
        assert!((prices.spot_factor() - 0.5).abs() < 1e-12);
        let without = Prices::built_in().control_plane_task() - prices.control_plane_task();
        assert!((without - HTTP_API.of(5.0)).abs() < 1e-12, "a job's five requests cost nothing then: {without}");
    }

    #[test]
    fn what_json_names_can_be_given_as_a_file() {
        let prices = Prices::read("prices.json", r#"{"address_hour": 0.004}"#).unwrap();
        let printed = serde_json::to_string(&prices.named()).unwrap();
        let again = Prices::read("printed.json", &printed).unwrap();
        assert_eq!(again.source, prices.source);
        assert!(
            (again.of(ADDRESS_HOUR, 1.0) - 0.004).abs() < 1e-12 && (again.control_plane_task() - prices.control_plane_task()).abs() < 1e-15
        );
    }

    #[test]
    fn a_price_that_is_unknown_or_no_price_is_refused_by_its_name() {
        for (text, named) in
            [(r#"{"x86_vcpu": 1}"#, "x86_vcpu_hour"), (r#"{"address_hour": -1}"#, "address_hour"), (r#"{"address_hour": "1"}"#, "string")]
        {
            let refused = Prices::read("prices.json", text).unwrap_err().to_string();
            assert!(refused.contains(named) && refused.contains("prices.json"), "{refused}");
        }
    }

    #[test]
    fn the_control_planes_share_is_what_the_readme_adds_up_to() {
        let share = Prices::built_in().control_plane_task() * 1_000.0;
        assert!(include_str!("../../../../../README.md").contains(&format!("| together | | {share:.4} |")), "{share}");
    }
}

//! Believable records, the same ones every time: the n-th product is the same product in every shop.

use fastrand::Rng;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// How many records of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Amounts {
    /// Number of products.
    pub products: u32,
    /// Number of customers.
    pub customers: u32,
}

impl Amounts {
    /// This many products and one customer for every four of them.
    #[must_use]
    pub const fn of_products(products: u32) -> Self {
        Self {
            products,
            customers: products / 4,
        }
    }
}

const BRANDS: [(&str, &str); 12] = [
    ("Altavia", "ALT"),
    ("Birchwood", "BIR"),
    ("Corvid", "COR"),
    ("Dunmore", "DUN"),
    ("Eastlight", "EAS"),
    ("Fjordline", "FJO"),
    ("Granada Works", "GRA"),
    ("Hollis & Reed", "HOL"),
    ("Ironleaf", "IRO"),
    ("Juniper", "JUN"),
    ("Kestrel", "KES"),
    ("Lumen", "LUM"),
];

/// What there is to buy, and about what it costs.
const KINDS: [(&str, u32); 20] = [
    ("Desk Lamp", 49),
    ("Office Chair", 229),
    ("Standing Desk", 489),
    ("Label Printer", 139),
    ("Barcode Scanner", 99),
    ("Rugged Tablet", 649),
    ("Tool Case", 79),
    ("Cordless Drill", 159),
    ("Work Light", 39),
    ("Safety Helmet", 29),
    ("Rain Jacket", 89),
    ("Work Gloves", 12),
    ("Thermos Flask", 24),
    ("Notebook", 6),
    ("Whiteboard", 119),
    ("Filing Cabinet", 199),
    ("Extension Reel", 45),
    ("Multimeter", 69),
    ("Laser Level", 189),
    ("First Aid Kit", 34),
];

const FIRST_NAMES: [&str; 16] = [
    "Amara", "Ben", "Chiara", "David", "Elif", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Keiko",
    "Liam", "Maya", "Noah", "Olga", "Pavel",
];

const LAST_NAMES: [&str; 17] = [
    "Adeyemi", "Baker", "Conti", "Dubois", "Eriksen", "Fischer", "Garcia", "Horvat", "Ito",
    "Jansen", "Kowalski", "Lindberg", "Moreau", "Novak", "O'Brien", "Petrov", "Quinn",
];

const STREETS: [&str; 7] = [
    "Harbour Road",
    "Mill Lane",
    "Station Street",
    "Church Walk",
    "Park Avenue",
    "Bridge Street",
    "Hill Rise",
];

const CITIES: [(&str, &str, &str); 10] = [
    ("Berlin", "Germany", "49 30"),
    ("Dublin", "Ireland", "353 1"),
    ("Kraków", "Poland", "48 12"),
    ("Lisbon", "Portugal", "351 21"),
    ("Lyon", "France", "33 4"),
    ("Milan", "Italy", "39 02"),
    ("Oslo", "Norway", "47 22"),
    ("Rotterdam", "Netherlands", "31 10"),
    ("Valencia", "Spain", "34 96"),
    ("Zagreb", "Croatia", "385 1"),
];

/// Adds records to what is there, going on where the last call stopped.
pub(crate) fn insert(connection: &Connection, amounts: Amounts) -> rusqlite::Result<()> {
    let present = crate::database::amounts(connection)?;
    let mut insert_product = connection.prepare_cached(
        "INSERT INTO products (name, brand, price, sku, quantity, updated_at) VALUES (?, ?, ?, ?, ?, \
         strftime('%Y-%m-%dT%H:%M:%fZ', '2026-01-05 08:00', ? || ' minutes'))",
    )?;
    for n in present.products..present.products.saturating_add(amounts.products) {
        let Product {
            name,
            brand,
            price,
            sku,
            quantity,
        } = product(n);
        insert_product.execute(params![name, brand, price, sku, quantity, n])?;
    }
    let mut insert_customer = connection.prepare_cached(
        "INSERT INTO customers (name, email, phone, street, city, country, updated_at) VALUES (?, ?, ?, ?, ?, ?, \
         strftime('%Y-%m-%dT%H:%M:%fZ', '2026-01-05 08:00', ? || ' minutes'))",
    )?;
    for n in present.customers..present.customers.saturating_add(amounts.customers) {
        let Customer {
            name,
            email,
            phone,
            street,
            city,
            country,
        } = customer(n);
        insert_customer.execute(params![name, email, phone, street, city, country, n])?;
    }
    Ok(())
}

struct Product {
    name: String,
    brand: &'static str,
    price: f64,
    sku: String,
    quantity: u32,
}

fn product(n: u32) -> Product {
    let mut rng = Rng::with_seed(u64::from(n));
    let (kind, about) = pick(&KINDS, n);
    let (brand, code) = pick(&BRANDS, n / 20);
    let model = 100 + n / 240;
    Product {
        name: format!("{brand} {kind} {model}"),
        brand,
        price: f64::from(rng.u32(about * 80..about * 140)) / 100.0,
        sku: format!("{code}-{:05}", n + 1),
        quantity: rng.u32(0..250),
    }
}

struct Customer {
    name: String,
    email: String,
    phone: String,
    street: String,
    city: &'static str,
    country: &'static str,
}

fn customer(n: u32) -> Customer {
    let mut rng = Rng::with_seed(u64::from(n));
    let (first, last) = (pick(&FIRST_NAMES, n), pick(&LAST_NAMES, n));
    let (city, country, dial) = pick(&CITIES, n);
    let local: String = last
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_alphabetic)
        .collect();
    Customer {
        name: format!("{first} {last}"),
        email: format!("{}.{local}{}@example.com", first.to_lowercase(), n + 1),
        phone: format!("+{dial} 555 {:04}", rng.u32(0..10_000)),
        street: format!("{} {}", rng.u32(1..180), pick(&STREETS, n)),
        city,
        country,
    }
}

/// The `n`-th item, starting over at the end.
#[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
fn pick<T: Copy, const N: usize>(items: &[T; N], n: u32) -> T {
    items[n as usize % N]
}

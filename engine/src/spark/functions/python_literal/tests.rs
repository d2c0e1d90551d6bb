//! What Python reads, what it does not, and what becomes of it.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Stdio};

use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use proptest::prelude::*;

use super::parser::parse;
use super::{Value, column, schema};

/// The column that texts become, one line for each.
fn read(texts: &[&str], ddl: &str) -> Vec<String> {
    let values: Vec<_> = texts.iter().map(|text| parse(text)).collect();
    let values: Vec<_> = values.iter().map(Option::as_ref).collect();
    let column = column::build(&values, &schema::parse(ddl).unwrap()).unwrap();
    let options = FormatOptions::default().with_null("NULL");
    let format = ArrayFormatter::try_new(&column, &options).unwrap();
    (0..texts.len())
        .map(|row| format.value(row).to_string())
        .collect()
}

#[test]
fn entries_of_lists() {
    let named = "array<struct<id: int, name: string>>";
    let rows = [
        (
            "[{'id': 16, 'name': 'Animation'}]",
            "[{id: 16, name: Animation}]",
        ),
        (
            r#"[{'name': "Don's Pictures", 'id': 3}, {'id': 4, 'name': 'Say \'hi\''}]"#,
            "[{id: 3, name: Don's Pictures}, {id: 4, name: Say 'hi'}]",
        ),
        // What does not fit is null; the other entries and fields stay.
        ("[{'id': None, 'name': 'a'}]", "[{id: NULL, name: a}]"),
        ("[{'id': True, 'name': b'a'}]", "[{id: NULL, name: NULL}]"),
        ("[{'id': 1.0, 'name': 7}]", "[{id: NULL, name: NULL}]"),
        ("[{'id': 2147483648}]", "[{id: NULL, name: NULL}]"),
        ("[{'ID': 1, 'Name': 'a'}]", "[{id: NULL, name: NULL}]"),
        (
            "[{'id': 1, 'x': {1: 2}, 'name': 'a', 'id': 2}]",
            "[{id: 2, name: a}]",
        ),
        (
            "[None, {}, 'x', ({'id': 1},)]",
            "[NULL, {id: NULL, name: NULL}, NULL, NULL]",
        ),
        ("[]", "[]"),
        // Not a list, or no literal at all.
        ("{'id': 1, 'name': 'a'}", "NULL"),
        ("({'id': 1, 'name': 'a'},)", "NULL"),
        ("False", "NULL"),
        ("null", "NULL"),
        ("", "NULL"),
        ("[{'id': 1, 'name': 'cut", "NULL"),
        ("[{'id': 1, 'name': 'a'}] x", "NULL"),
    ];
    let (texts, expected): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    assert_eq!(read(&texts, named), expected);
}

#[test]
fn values_of_each_type() {
    for (ddl, text, expected) in [
        (
            "string",
            r"'a\tb\x41\u00e4\U0001F600\101\d'",
            "a\tbAä😀A\\d",
        ),
        ("string", r"r'\n' 'b' u'c'", r"\nbc"),
        ("string", r"'\ud83d\ude00\ud83d'", "😀\u{fffd}"),
        ("string", "'a\\\nb'", "ab"),
        ("string", "'''a\r\nb'''", "a\nb"),
        ("bigint", "-9223372036854775808", "-9223372036854775808"),
        ("bigint", "0x_ff", "255"),
        ("int", "1_000", "1000"),
        ("tinyint", "128", "NULL"),
        ("double", "-1.5e3", "-1500.0"),
        ("double", "3", "3.0"),
        ("float", ".5", "0.5"),
        ("boolean", "(True)", "true"),
        ("boolean", "1", "NULL"),
        (
            "array<array<int>>",
            "[[1, 2,], [], None]",
            "[[1, 2], [], NULL]",
        ),
        (
            "a INT, `b c`: array<string>",
            "{'a': 1, 'b c': ['x']}",
            "{a: 1, b c: [x]}",
        ),
    ] {
        assert_eq!(read(&[text], ddl), [expected], "{text}");
    }
}

#[test]
fn wrong_schemas_say_what_is_wrong() {
    for (ddl, part) in [
        ("", "a type is missing"),
        ("uuid", "`uuid` is no type"),
        ("array<int", "`>` is missing"),
        ("array<int>>", "`>` is too much"),
        ("struct<id int, >", "no name of a field"),
        ("map<string, int>", "`map` is no type"),
    ] {
        let cause = schema::parse(ddl).unwrap_err();
        assert!(cause.contains(part), "{ddl}: {cause}");
    }
    assert!(schema::parse(&"array<".repeat(100_000)).is_err());
}

#[test]
fn deep_nesting_has_a_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(100)).is_some());
    assert!(parse(&nested(101)).is_none());
    for open in ["[", "(", "{", "{1:", "-", "+", "set(", "[1,", "'", "\\\n"] {
        assert!(parse(&open.repeat(1_000_000)).is_none());
    }
}

/// Python's own way to write a value, with some of the freedom that it leaves.
fn print(value: &Value, style: u8) -> String {
    let items = |items: &[Value]| {
        let texts: Vec<_> = items.iter().map(|item| print(item, style)).collect();
        texts.join(if style.is_multiple_of(2) {
            ", "
        } else {
            " ,\n\t"
        })
    };
    match value {
        Value::None => "None".into(),
        Value::Boolean(true) => "True".into(),
        Value::Boolean(false) => "False".into(),
        Value::Integer(value) => match style % 3 {
            1 if *value >= 0 => format!("{value:#x}"),
            2 if *value < 0 => format!("- {}", value.unsigned_abs()),
            _ => value.to_string(),
        },
        Value::HugeInteger => "9".repeat(60),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(text) => print_text(text, style),
        Value::List(list) => format!("[{}]", items(list)),
        Value::Tuple(list) if list.len() == 1 => format!("({},)", items(list)),
        Value::Tuple(list) => format!("({})", items(list)),
        Value::Set => "set()".into(),
        Value::Dictionary(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", print(key, style), print(value, style)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Other => "b'x'".into(),
    }
}

fn print_text(text: &str, style: u8) -> String {
    let quote = if style.is_multiple_of(2) { '\'' } else { '"' };
    let mut printed = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => printed.push_str("\\\\"),
            c if c == quote => printed.extend(['\\', c]),
            c if c.is_control() || style.is_multiple_of(5) && !c.is_ascii() => {
                printed.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => printed.push(c),
        }
    }
    printed.push(quote);
    printed
}

fn any_value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::None),
        Just(Value::HugeInteger),
        Just(Value::Other),
        Just(Value::Set),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(|v| Value::Integer(v.into())),
        any::<f64>()
            .prop_filter("has a literal", |v| v.is_finite())
            .prop_map(Value::Float),
        any::<String>()
            // A NUL is written as an escape, by `is_control`.
            .prop_map(Value::Text),
    ];
    plain.prop_recursive(5, 40, 6, |inner| {
        let key = any::<String>().prop_map(Value::Text);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            prop::collection::vec((key, inner), 0..6).prop_map(Value::Dictionary),
        ]
    })
}

/// Pieces that literals are made of, and some that they are not.
const PIECES: &[&str] = &[
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    ":",
    "'",
    "\"",
    "'''",
    "\\",
    "\\'",
    "\n",
    "\r\n",
    " ",
    "\t",
    "#",
    "-",
    "+",
    ".",
    "0",
    "1",
    "07",
    "1_0",
    "1e5",
    "2j",
    "0x1F",
    "0b1",
    "0o7",
    "None",
    "True",
    "False",
    "set()",
    "set",
    "b'a'",
    "r'\\'",
    "u''",
    "f'a'",
    "'id'",
    "'name'",
    "\"it's\"",
    "\\x41",
    "\\u00e4",
    "\\777",
    "\\N{DASH}",
    "ä",
    "😀",
    "...",
    "nan",
    "null",
    "{'id': 1, 'name': 'a'}",
    "[1, 2]",
    "\u{c}",
    "\\\n",
    "rb'x'",
    "'a' 'b'",
    "1.",
    ".5",
    "1__0",
    "_",
    "*",
    "**",
    "1if",
    "j",
];

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(value in any_value(), style in any::<u8>()) {
        prop_assert_eq!(parse(&print(&value, style)), Some(value));
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), pieces in pieces()) {
        let values = [parse(&text), parse(&pieces), parse(&format!("[{pieces}]"))];
        let values: Vec<_> = values.iter().map(Option::as_ref).collect();
        let kind = schema::parse("array<struct<id: int, name: array<string>>>").unwrap();
        prop_assert_eq!(column::build(&values, &kind).unwrap().len(), 3);
        let _ = schema::parse(&pieces);
    }
}

/// A value in a notation that [`PYTHON`] writes too.
fn canonical(value: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(canonical).collect::<Vec<_>>().join(",");
    match value {
        Value::None => "N".into(),
        Value::Boolean(true) => "T".into(),
        Value::Boolean(false) => "F".into(),
        Value::Integer(value) => format!("i{value}"),
        Value::HugeInteger => "I".into(),
        Value::Float(value) => format!("f{:016x}", value.to_bits()),
        Value::Text(text) => {
            let hex = text.bytes().map(|byte| format!("{byte:02x}"));
            format!("s{}", hex.collect::<String>())
        }
        Value::List(items) => format!("[{}]", list(items)),
        Value::Tuple(items) => format!("({})", list(items)),
        Value::Set => "S".into(),
        Value::Dictionary(entries) => {
            let mut texts = std::collections::BTreeMap::new();
            for (key, value) in entries {
                if let Value::Text(_) = key {
                    texts.insert(canonical(key), canonical(value));
                }
            }
            let texts: Vec<_> = texts.iter().map(|(k, v)| format!("{k}:{v}")).collect();
            format!("{{{}}}", texts.join(","))
        }
        Value::Other => "O".into(),
    }
}

/// Reads texts as JSON, one in a line; answers with the value of each, or `!`.
const PYTHON: &str = r#"
import ast, json, struct, sys, warnings
warnings.simplefilter("ignore")
def show(v):
    if v is None: return "N"
    if v is True: return "T"
    if v is False: return "F"
    if type(v) is int: return f"i{v}" if abs(v) < 2**127 else "I"
    if type(v) is float: return "f" + struct.pack(">d", v).hex()
    if type(v) is str:
        whole = "".join("\ufffd" if 0xd800 <= ord(c) < 0xe000 else c for c in pairs(v))
        return "s" + whole.encode().hex()
    if type(v) is list: return "[" + ",".join(map(show, v)) + "]"
    if type(v) is tuple: return "(" + ",".join(map(show, v)) + ")"
    if type(v) is set: return "S"
    if type(v) is dict:
        texts = sorted((show(k), show(w)) for k, w in v.items() if type(k) is str)
        return "{" + ",".join(f"{k}:{w}" for k, w in texts) + "}"
    return "O"
def pairs(v):
    out, i = [], 0
    while i < len(v):
        a = ord(v[i]); b = ord(v[i + 1]) if i + 1 < len(v) else 0
        if 0xd800 <= a < 0xdc00 and 0xdc00 <= b < 0xe000:
            out.append(chr(0x10000 + ((a - 0xd800) << 10) + b - 0xdc00)); i += 2
        else:
            out.append(v[i]); i += 1
    return out
for line in sys.stdin:
    try: print(show(ast.literal_eval(json.loads(line))))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError): print("!")
"#;

/// What CPython says of the texts.
fn python(texts: &[String]) -> Vec<String> {
    let mut python = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed to compare with it");
    let lines: String = texts
        .iter()
        .map(|text| serde_json::to_string(text).unwrap() + "\n")
        .collect();
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    answers.lines().map(str::to_owned).collect()
}

/// Texts that are near to what is allowed, on either side: one in a line, as JSON.
const ODD: &str = include_str!("odd_texts.jsonl");

#[test]
fn python_agrees() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let odd = ODD.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut texts: Vec<String> = odd.collect();
    texts.extend([
        "9".repeat(4300),
        "9".repeat(4301),
        format!("-{}.5", "9".repeat(5000)),
    ]);
    let mut runner = TestRunner::deterministic();
    let mut generate =
        |strategy: BoxedStrategy<String>| strategy.new_tree(&mut runner).unwrap().current();
    let edited = (
        any_value(),
        any::<u8>(),
        any::<prop::sample::Index>(),
        pieces(),
    );
    let edited = edited.prop_map(
        |(value, style, place, piece): (_, _, prop::sample::Index, String)| {
            let mut text = print(&value, style);
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            text.insert_str(*place.get(&places), &piece);
            text
        },
    );
    let edited = edited.boxed();
    for _ in 0..2_000 {
        texts.push(generate(pieces().boxed()));
        texts.push(generate(
            pieces().prop_map(|pieces| format!("[{pieces}]")).boxed(),
        ));
        texts.push(generate(edited.clone()));
    }
    let answers = python(&texts);
    assert_eq!(answers.len(), texts.len());
    let mut read = 0;
    for (text, answer) in texts.iter().zip(answers) {
        // Names of characters are not read here, and a last line of blanks does no harm.
        let blank_end = text
            .trim_end_matches([' ', '\t', '\u{c}'])
            .ends_with(['\n', '\r']);
        let blank_end = blank_end && text.ends_with([' ', '\t', '\u{c}']);
        if !text.contains("\\N{") && !blank_end {
            let ours = parse(text).map_or_else(|| "!".to_owned(), |value| canonical(&value));
            assert_eq!(ours, answer, "{text:?}");
            read += usize::from(ours != "!");
        }
    }
    assert!(
        read > 300,
        "only {read} of {} texts are literals",
        texts.len()
    );
}

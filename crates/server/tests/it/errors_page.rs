//! docs/errors.md agrees with the server.

use std::fmt::Write as _;

#[test]
fn the_page_lists_every_code_with_its_errors() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md")).unwrap();
    let mut wanted = String::new();
    for entry in server::error_table() {
        let (oci, aws) = (entry.oci.as_str(), entry.aws);
        let (oci_status, aws_status) = (entry.oci_status.as_u16(), entry.aws_status.as_u16());
        writeln!(wanted, "| {:?} | `{oci}` | {oci_status} | `{aws}` | {aws_status} |", entry.code).unwrap();
    }
    let rows = page.lines().skip_while(|line| !line.starts_with("| code |")).skip(2);
    let mut listed = String::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let columns: Vec<&str> = row.split('|').take(6).collect();
        writeln!(listed, "{}|", columns.join("|")).unwrap();
    }
    assert_eq!(listed, wanted);
}

#[test]
fn the_page_lists_the_errors_of_the_query_services() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md")).unwrap();
    let rows = page.lines().skip_while(|line| !line.starts_with("| code | IAM and STS |")).skip(2);
    let listed: Vec<String> = rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
    let said = |entry: server::Entry| {
        entry.query.map(|(name, status)| format!("| {:?} | `{name}` | {} |", entry.code, status.as_u16()))
    };
    let wanted: Vec<String> = server::error_table().into_iter().filter_map(said).collect();
    assert_eq!(listed, wanted);
}

#[test]
fn the_page_lists_the_errors_of_the_other_services() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md")).unwrap();
    let rows = page.lines().skip_while(|line| !line.starts_with("| error |")).skip(2);
    let listed: Vec<String> = rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
    let codes = access::error::AwsCode::ALL.iter();
    let wanted: Vec<String> =
        codes.map(|code| format!("| `{}` | {} |", code.name(), code.status())).collect();
    assert_eq!(listed, wanted);
}

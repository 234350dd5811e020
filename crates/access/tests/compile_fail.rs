//! What must not compile: an effect without the permit that opens it.

#[test]
fn an_effect_without_its_permit_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

//! Functions on texts that DataFusion has with another meaning.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned, Value,
};

/// `regexp_replace(text, pattern, replacement)` replaces all matches, where DataFusion replaces the
/// first one unless it is told otherwise.
pub(super) fn rewrite(function: &mut Function) {
    let [part] = function.name.0.as_slice() else {
        return;
    };
    let is_replace = part
        .as_ident()
        .is_some_and(|name| name.value.eq_ignore_ascii_case("regexp_replace"));
    let span = function.name.span();
    if let FunctionArguments::List(list) = &mut function.args
        && is_replace
        && list.args.len() == 3
    {
        let all = Value::SingleQuotedString("g".to_owned()).with_span(span);
        let all = FunctionArgExpr::Expr(Expr::Value(all));
        list.args.push(FunctionArg::Unnamed(all));
    }
}

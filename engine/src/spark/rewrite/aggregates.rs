//! Aggregates that are others in disguise.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Spanned,
    Value,
};

use super::call;

/// Gives an aggregate that DataFusion lacks the form of one that it has.
pub(super) fn rewrite(function: &mut Function) {
    let [part] = function.name.0.as_slice() else {
        return;
    };
    let Some(name) = part.as_ident() else { return };
    let renamed = match name.value.to_lowercase().as_str() {
        "every" => "bool_and",
        "some" => "bool_or",
        // What counts is what is not null.
        "count_if" if null_where_false(&mut function.args) => "count",
        _ => return,
    };
    function.name = ObjectName::from(vec![Ident::with_span(name.span, renamed)]);
}

/// Makes the one argument null where it is false.
fn null_where_false(args: &mut FunctionArguments) -> bool {
    let FunctionArguments::List(list) = args else {
        return false;
    };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(condition))] = list.args.as_mut_slice() else {
        return false;
    };
    let span = condition.span();
    let no = Expr::Value(Value::Boolean(false).with_span(span));
    *condition = call("nullif", vec![condition.clone(), no], span);
    true
}

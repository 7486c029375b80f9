// Microsoft's language service for Kusto, as a program: a schema and queries in, what it says about each query out.
// JSON on stdin and stdout; tests/infra/kql.py is its only caller.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const { GlobalState, KustoCode, Symbols, Syntax } = globalThis.Kusto.Language;

// The library is compiled from C#: constructors that C# tells apart by their parameters have numbers here.
const table = ([name, columns]) => new Symbols.TableSymbol.$ctor7(name, columns, null);
const storedFunction = ({ name, parameters, body }) => new Symbols.FunctionSymbol.$ctor16(name, parameters, body, null);
const list = (items) => Array.from({ length: items?.Count ?? 0 }, (_, index) => items.getItem(index));

const given = JSON.parse(readFileSync(0, "utf8"));
const members = [...Object.entries(given.tables).map(table), ...given.functions.map(storedFunction)];
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", members));

function described(text) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const keys = [];
  const literals = [];
  Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => {
    if (node instanceof Syntax.PathExpression) keys.push(node.ToString().trim());
    if (!(node instanceof Syntax.LiteralExpression) || typeof node.LiteralValue !== "string") return;
    (node.Parent instanceof Syntax.BracketedExpression ? keys : literals).push(node.LiteralValue);
  });
  return {
    problems: list(code.GetDiagnostics()).map(
      ({ Start, Code, Message }) => `line ${text.slice(0, Start).split("\n").length}: ${Code} ${Message}`,
    ),
    columns: Object.fromEntries(list(code.ResultType?.Columns).map((column) => [column.Name, column.Type.Name])),
    keys,
    literals,
  };
}

const answers = Object.entries(given.queries).map(([name, text]) => [name, described(text)]);
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));

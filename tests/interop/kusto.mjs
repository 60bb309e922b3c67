// Reads `{"tables": {name: {column: type}}, "query": text}` from its input; writes the Kusto compiler's complaints as JSON.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const { KustoCode, GlobalState, Symbols } = globalThis.Kusto.Language;

const { tables, query } = JSON.parse(readFileSync(0, "utf8"));
const symbols = Object.entries(tables).map(([name, columns]) => new Symbols.TableSymbol.$ctor4(
  name, Object.entries(columns).map(([column, type]) => new Symbols.ColumnSymbol(column, Symbols.ScalarTypes.GetSymbol(type)))));
const database = new Symbols.DatabaseSymbol.ctor("workspace", symbols);
const code = KustoCode.ParseAndAnalyze(query, GlobalState.Default.WithDatabase(database));
const diagnostics = code.GetDiagnostics();
const told = [];
for (let i = 0; i < diagnostics.Count; i++) told.push(diagnostics.getItem(i).Message);
console.log(JSON.stringify(told));

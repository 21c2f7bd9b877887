import { render } from "preact";
import { App } from "./app";
import { start } from "./state/live";
import { keepCatalogue } from "./text/language";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/pages.css";
import "./style/people.css";
import "./style/alarms.css";
import "./style/mimic.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
keepCatalogue();
void start();

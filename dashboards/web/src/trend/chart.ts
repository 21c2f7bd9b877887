// A drawing and its data: reads the stored part, appends what comes live, keeps to its box.
import uPlot from "uplot";
import type { Tag } from "../state/api";
import { allowance } from "../state/clock";
import { forecast } from "../state/forecasts";
import { belief, lost, reading } from "../state/live";
import { reason } from "../text/words";
import { type Look, options } from "./plot";
import { addBelief, addReading, columns, type Data, empty, load, type Names, POINTS } from "./series";

const REST_MS = 3000;
const RENEW_MS = 60_000;

export class Chart {
  private plot: uPlot | null = null;
  private data: Data = empty();
  private readAt = 0;
  private readUntil = 0;
  private reads = 0;
  private made: string | undefined;
  private readonly watcher = new ResizeObserver(() => this.fit());
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");

  constructor(
    private readonly box: HTMLElement,
    private readonly window: () => [number, number],
    private readonly tag: Tag | undefined,
    private readonly names: Names,
    private readonly look: Look,
    private readonly tell: (problem: string, bare: boolean) => void,
  ) {
    this.create();
    this.watcher.observe(box);
    this.scheme.addEventListener("change", this.create);
  }

  /** Colours come from the style sheet when the drawing is made, so a change of scheme makes it anew. */
  private readonly create = (): void => {
    this.plot?.destroy();
    this.plot = new uPlot(options(this.look, this.box.clientWidth, this.box.clientHeight), [[0]], this.box);
    this.draw();
  };

  private fit(): void {
    this.plot?.setSize({ width: this.box.clientWidth, height: this.box.clientHeight });
  }

  draw(): void {
    const plot = this.plot;
    if (!plot) return;
    const [from, until] = this.window();
    const silence = Math.max(this.tag?.silence_s ?? 300, (3 * (until - from)) / 1000 / POINTS, allowance() / 1000);
    plot.batch(() => {
      plot.setData(columns(this.data, silence, until / 1000), false);
      plot.setScale("x", { min: from / 1000, max: until / 1000 });
    });
  }

  read(): void {
    const [from, until] = this.window();
    this.made = this.newestForecast();
    this.readAt = performance.now();
    this.readUntil = until;
    this.reads += 1;
    const number = this.reads;
    const newest = () => this.reads === number; // asked again meanwhile: an answer may be from before a jump
    load(this.names, from, until)
      .then((data) => {
        if (!newest()) return;
        this.data = data;
        this.tell("", data.measured.t.length + data.mean.t.length + data.lab.t.length === 0);
        this.draw();
      })
      .catch((error: Error) => {
        if (newest()) this.tell(lost.peek() ? "" : reason(error), false);
      });
  }

  /** Take what came live; read again when the window has moved on by a tenth. */
  follow(): void {
    if (lost.peek()) return;
    const { data, names } = this;
    addReading(names.assay ? data.lab : data.measured, reading(names.name).peek());
    addBelief(data, belief(names.name).peek());
    if (names.wanted) addReading(data.wanted, reading(names.wanted.id).peek());
    if (names.lab) addReading(data.lab, reading(names.lab.id).peek());
    this.draw();
    const [from, until] = this.window();
    const rested = performance.now() - this.readAt;
    const moved = until - this.readUntil > 0.1 * (until - from);
    const renewed = this.newestForecast() !== this.made;
    if (rested > RENEW_MS || ((moved || renewed) && rested > REST_MS)) this.read();
  }

  private newestForecast(): string | undefined {
    return forecast(this.names.name.split(".")[0] ?? "")?.made;
  }

  close(): void {
    this.watcher.disconnect();
    this.scheme.removeEventListener("change", this.create);
    this.plot?.destroy();
    this.plot = null;
  }
}

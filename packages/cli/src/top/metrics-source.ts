import { reasonOf } from "../errors.ts";
import { ExpositionError, parseExposition } from "./exposition.ts";
import { type Part, type Reading, type Source, SourceError } from "./reading.ts";

/** No endpoint of metrics is that long, in characters. */
const longest = 32 * 1024 * 1024;

/** An endpoint of metrics in the format of Prometheus. */
export class MetricsSource implements Source {
  readonly name: string;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #patienceMillis: number;

  /** @param login - `user:password`; `undefined`: there is none */
  constructor(url: URL, login: string | undefined, patienceMillis: number) {
    this.#url = new URL(url);
    // fetch takes no URL with a password in it.
    this.#url.username = "";
    this.#url.password = "";
    this.name = this.#url.href;
    this.#headers = {
      accept: "text/plain;version=0.0.4",
      ...(login === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(login).toString("base64")}` }),
    };
    this.#patienceMillis = patienceMillis;
  }

  async read(): Promise<Reading> {
    const { families, samples } = this.#parsed(await this.#text());
    const at = performance.now();
    if (![...families].some((family) => family.startsWith("pointsman_"))) {
      throw new SourceError(
        `${this.name} has no metrics of Pointsman. Register those of its pools there, or give the directory of statsSocket in place of it.`,
      );
    }
    const started = samples.find(({ name }) => name === "process_start_time_seconds")?.value;
    const uptimeMs = started === undefined ? undefined : Date.now() - 1000 * started;
    const part: Part = { id: this.name, samples, ...(uptimeMs === undefined ? {} : { uptimeMs }) };
    return { at, parts: [part], silent: [], leftOut: [] };
  }

  async #text(): Promise<string> {
    let answer: Response;
    let text: string;
    try {
      const signal = AbortSignal.timeout(this.#patienceMillis);
      answer = await fetch(this.#url, { headers: this.#headers, signal });
      text = await answer.text();
    } catch (error) {
      const { cause = error } = error as { cause?: unknown };
      throw new SourceError(
        `${this.name} cannot be read: ${reasonOf(cause)}. Is the application running, and does it serve its metrics there?`,
      );
    }
    if (!answer.ok) {
      throw new SourceError(
        `${this.name} answers ${answer.status}. Give the URL under which the application serves its metrics, such as http://localhost:9464/metrics.`,
      );
    }
    return text.slice(0, longest);
  }

  #parsed(text: string): ReturnType<typeof parseExposition> {
    try {
      return parseExposition(text);
    } catch (error) {
      if (!(error instanceof ExpositionError)) throw error;
      throw new SourceError(
        `${this.name} does not answer in the text format of Prometheus: ${error.message}. Give the URL under which the application serves its metrics.`,
      );
    }
  }
}

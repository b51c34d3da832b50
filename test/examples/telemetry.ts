import type { ReceivedSpan } from '../../src/cli/otlp-messages';
import { type OtlpReceiver, startOtlpReceiver } from '../../src/cli/otlp-receiver';

/** A receiver, and every span that has come in. */
export class Telemetry {
  readonly spans: ReceivedSpan[] = [];
  #receiver: OtlpReceiver | undefined;
  #arrived = () => {};

  static async start(): Promise<Telemetry> {
    const telemetry = new Telemetry();
    telemetry.#receiver = await startOtlpReceiver({ spans: received => telemetry.#take(received) }, { port: 0 });
    return telemetry;
  }

  /** Sends an application's spans here, soon. */
  get environment(): Record<string, string> {
    return { OTEL_EXPORTER_OTLP_ENDPOINT: this.#receiver?.url ?? '', OTEL_BSP_SCHEDULE_DELAY: '100' };
  }

  /** Resolves when something has come in: from then on the sender has an SDK that flushes what is left. */
  async firstSpan(): Promise<void> {
    await this.spansCame(1);
  }

  /** Resolves when so many have come in altogether. */
  async spansCame(count: number): Promise<void> {
    await new Promise<void>(resolve => {
      this.#arrived = () => this.spans.length >= count && resolve();
      this.#arrived();
    });
  }

  async close(): Promise<void> {
    await this.#receiver?.close();
  }

  #take(received: readonly ReceivedSpan[]): void {
    this.spans.push(...received);
    this.#arrived();
  }
}

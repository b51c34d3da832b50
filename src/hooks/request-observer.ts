/** What the hooks tell of requests. */
export interface RequestObserver {
  /**
   * A request has arrived, and whatever span others start for it before the application sees it is active now. `request`
   * is an IncomingMessage, an Http2ServerRequest or a ServerHttp2Stream. Called under a guard.
   */
  arrived(request: object, rawHeaders: unknown): void;
  /** Runs the application's part of a request. What that throws goes through; nothing of ours may. */
  handling<T>(request: object, rawHeaders: unknown, application: () => T): T;
  /** A request of ours has got its connection. The span that others started for it is active. Called under a guard. */
  leaving(request: object, socket: object): void;
}

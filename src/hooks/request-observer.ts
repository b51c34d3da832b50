/** What the hooks tell of requests. */
export interface RequestObserver {
  /**
   * A request has arrived, and whatever span others start for it before the application sees it is active now. `request`
   * is an IncomingMessage, an Http2ServerRequest or a ServerHttp2Stream. Called under a guard.
   */
  arrived(request: object, rawHeaders: unknown): void;
  /**
   * A request's head was larger than Node reads, over HTTP/1.1. There is no request: unless the application has a listener
   * for such things Node answers 431 and closes the connection. Called under a guard.
   */
  overflowed(socket: object): void;
  /** Runs the application's part of a request. What that throws goes through; nothing of ours may. */
  handling<T>(request: object, rawHeaders: unknown, application: () => T): T;
  /** A request of ours has got its connection. The span that others started for it is active. Called under a guard. */
  leaving(request: object, socket: object): void;
}

/** What an application holds when it asks about a request: one of these leads to the connection. */
interface Carrier {
  /** An IncomingMessage, Http2ServerRequest, ClientRequest or Http2Session has one; express's request is one. */
  readonly socket?: object | null;
  /** An Http2Stream's. */
  readonly session?: Carrier | null;
  /** An Http2ServerRequest's. */
  readonly stream?: object | null;
  readonly rawHeaders?: unknown;
  /** Node's own request in fastify's. */
  readonly raw?: Carrier | null;
  /** In koa's context, and in a response. */
  readonly req?: Carrier | null;
  /** In hono's context, on Node. */
  readonly env?: { readonly incoming?: Carrier | null } | null;
}

/** Node's own request in what a framework made of it; else the subject itself. May throw: it may be anything. */
export function carried(subject: object): object {
  const carrier = subject as Carrier;
  if (isNodes(carrier)) return carrier;
  for (const inner of [carrier.raw, carrier.req, carrier.env?.incoming]) {
    if (typeof inner === 'object' && inner !== null && isNodes(inner)) return inner;
  }
  return carrier;
}

/**
 * The socket below; the subject itself where it has none. An HTTP/2 session shows only a proxy of its socket, which binds
 * its methods to the socket it stands for: so does `valueOf`, which answers with it.
 */
export function socketOf(subject: object): object {
  const { socket, session } = subject as Carrier;
  const found = socket ?? session?.socket ?? subject;
  return found.valueOf() as object;
}

/** One key a request and its answer: the stream over HTTP/2, otherwise the request itself. `request` is Node's own. */
export function exchangeOf(request: object): object {
  const { stream } = request as Carrier;
  return typeof stream === 'object' && stream !== null && 'session' in stream ? stream : request;
}

/** TLS, as a request or a socket tells it. */
export function isEncrypted(subject: object): boolean {
  try {
    return (socketOf(subject) as { encrypted?: unknown }).encrypted === true;
  } catch {
    return false;
  }
}

function isNodes(carrier: Carrier): boolean {
  return Array.isArray(carrier.rawHeaders);
}

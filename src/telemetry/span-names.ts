/** Names carry no host: they are what a person groups by. */
export const SPAN_NAMES = {
  server: 'TLS server handshake',
  client: 'TLS client handshake',
  clientRefused: 'TLS client handshake refused',
  serverRefused: 'TLS server renegotiation refused',
} as const;

/** By its name: which part we played. `isRefusal`: the tunnel had stood before, and the span is linked to that handshake's. */
export const SPANS_BY_NAME: ReadonlyMap<string, { readonly side: 'client' | 'server'; readonly isRefusal: boolean }> =
  new Map([
    [SPAN_NAMES.server, { side: 'server', isRefusal: false }],
    [SPAN_NAMES.client, { side: 'client', isRefusal: false }],
    [SPAN_NAMES.clientRefused, { side: 'client', isRefusal: true }],
    [SPAN_NAMES.serverRefused, { side: 'server', isRefusal: true }],
  ]);

/**
 * How far a handshake had come when it ended without success.
 *
 * - `client_hello`: no usable ClientHello (server), or no answer to ours (client).
 * - `negotiation`: versions, cipher suites, groups, ALPN, server name, pre-shared keys.
 * - `certificate`: a certificate was demanded, presented or verified.
 * - `finished`: everything was agreed; the Finished messages, or the application's own identity check.
 * - `post_handshake`: TLS 1.3, our side had finished and the server refused afterwards.
 */
export type Phase = 'client_hello' | 'negotiation' | 'certificate' | 'finished' | 'post_handshake';

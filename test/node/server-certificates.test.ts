import type * as tls from 'node:tls';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import { opensslServer, withFiles } from '../support/external-peer';
import {
  abandoned,
  before24,
  distrusted,
  type Expected,
  established,
  failed,
  from24,
  NOT_REQUESTED,
  playAll,
  type Scenario,
  type Stage,
  TRUSTED,
  tolerated,
} from '../support/scenario';
import type { Presented } from '../support/scenario-certificates';
import { goneBy, greeter, visit } from '../support/tls-pair';

/** What a server may present to a client that trusts the root and asks for `localhost`. */
const PRESENTED: ReadonlyArray<{ presented: Presented; reason?: FailureReason; on?: Scenario['on'] }> = [
  { presented: 'good' },
  { presented: 'viaIntermediate' },
  { presented: 'commonNameOnly' },
  { presented: 'rsa2048' },
  { presented: 'rsa1024', on: before24 },
  { presented: 'spiffe' },
  { presented: 'unicode' },
  { presented: 'huge' },
  { presented: 'expired', reason: 'certificate_expired' },
  { presented: 'notYetValid', reason: 'certificate_not_yet_valid' },
  { presented: 'selfSigned', reason: 'self_signed_certificate' },
  { presented: 'unknownCa', reason: 'unknown_ca' },
  { presented: 'unknownCaWithRoot', reason: 'untrusted_root' },
  { presented: 'missingIntermediate', reason: 'unknown_ca' },
  { presented: 'expiredIntermediate', reason: 'certificate_expired' },
  { presented: 'wrongPurpose', reason: 'certificate_purpose_invalid' },
  { presented: 'issuerNotACa', reason: 'certificate_purpose_invalid' },
  { presented: 'pathTooLong', reason: 'certificate_chain_too_long' },
  { presented: 'outsideConstraints', reason: 'name_constraint_violation' },
  { presented: 'unknownCriticalExtension', reason: 'certificate_extension_invalid' },
  { presented: 'sha1', reason: 'certificate_weak_crypto' },
  { presented: 'rsa1024', reason: 'certificate_weak_crypto', on: from24 },
  { presented: 'tampered', reason: 'certificate_signature_invalid' },
  { presented: 'forgedSignature', reason: 'certificate_signature_invalid' },
  { presented: 'otherHost', reason: 'certificate_name_mismatch' },
];

playAll('A client that verifies the server', [
  ...PRESENTED.map(
    ({ presented, reason, on }): Scenario => ({
      name: reason ? `refuses ${presented}: ${reason}` : `accepts ${presented}`,
      on,
      play: stage => stage.meet(presenting(stage, presented), stage.client()),
      server: reason ? leftByNode : established(),
      client: reason ? refused(presented, reason) : established({ certificate: `server.${presented}` }),
    }),
  ),
  {
    name: 'refuses a server that cannot prove that the certificate is its own',
    play: stage => stage.meet(stage.server('stolen'), stage.client()),
    server: failed('decrypt_error', 'peer', 'certificate', { verification: NOT_REQUESTED, alert: 'decrypt_error' }),
    client: failed('decrypt_error', 'us', 'certificate', { certificate: 'server.stolen' }),
  },
  {
    name: 'has a revocation list, and accepts a good one',
    play: stage => stage.meet(stage.server(), { ...stage.client(), crl: stage.certificates.crl }),
    server: established(),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'has a revocation list, and refuses a revoked one',
    play: stage => stage.meet(stage.server('revoked'), { ...stage.client(), crl: stage.certificates.crl }),
    server: leftByNode,
    client: refused('revoked', 'certificate_revoked'),
  },
  {
    name: 'has a revocation list that is out of date',
    play: stage => stage.meet(stage.server(), { ...stage.client(), crl: stage.certificates.expiredCrl }),
    server: leftByNode,
    client: refused('good', 'revocation_data_expired'),
  },
  {
    name: 'has a revocation list of somebody else',
    play: stage => stage.meet(stage.server(), { ...stage.client(), crl: stage.certificates.foreignCrl }),
    server: leftByNode,
    client: refused('good', 'revocation_unavailable'),
  },
  {
    name: "refuses by the application's own identity check",
    play: stage =>
      stage.meet(stage.server(), { ...stage.client(), checkServerIdentity: () => new Error('not the one I know') }),
    server: leftByNode,
    client: refused('good', 'certificate_rejected'),
  },
  {
    name: "goes on although the application's own identity check says no",
    play: stage =>
      stage.meet(stage.server(), {
        ...stage.client(),
        rejectUnauthorized: false,
        checkServerIdentity: () => new Error('not the one I know'),
      }),
    server: established(),
    client: established({ certificate: 'server.good', verification: tolerated('certificate_rejected') }),
  },
  ...[undefined, new Error('not the one I know')].map(
    (error): Scenario => ({
      name: `gives up in the application's own identity check, with ${error ? 'an' : 'no'} error`,
      play: stage => destroyedByCheck(stage, socket => void socket.destroy(error)),
      server: leftByNode,
      client: error
        ? refused('good', 'certificate_rejected')
        : abandoned('finished', 'us', { certificate: 'server.good' }),
    }),
  ),
  {
    name: "gives up in the application's own identity check, and says why",
    play: stage =>
      destroyedByCheck(stage, socket => {
        socket.destroy();
        return new Error('not the one I know');
      }),
    server: leftByNode,
    client: refused('good', 'certificate_rejected'),
  },
  {
    name: "crashes in the application's own identity check",
    play: crashingCheck,
    // Node leaves the client's socket open and undecided: OpenSSL says its last word, and the server is content.
    server: established(),
    client: refused('good', 'certificate_rejected'),
  },
  {
    name: 'pins the authority of another name and is content',
    play: stage => stage.meet(stage.server('otherHost'), { ...stage.client(), checkServerIdentity: () => undefined }),
    server: established(),
    client: established({ certificate: 'server.otherHost', verification: TRUSTED }),
  },
]);

playAll('A client that goes on with a server it does not trust', [
  ...PRESENTED.filter(({ reason }) => reason !== undefined).map(
    ({ presented, reason, on }): Scenario => ({
      name: `${presented}: ${reason}`,
      on,
      play: stage => stage.meet(presenting(stage, presented), { ...stage.client(), rejectUnauthorized: false }),
      server: established(),
      client: established({ certificate: `server.${presented}`, verification: tolerated(reason!) }),
    }),
  ),
]);

/** What openssl s_server presents: its side is not ours to report. */
const OF_OPENSSL: ReadonlyArray<{ presented: Presented; client: Expected }> = [
  { presented: 'good', client: established({ certificate: 'server.good' }) },
  { presented: 'viaIntermediate', client: established({ certificate: 'server.viaIntermediate' }) },
  { presented: 'expired', client: refused('expired', 'certificate_expired') },
  { presented: 'selfSigned', client: refused('selfSigned', 'self_signed_certificate') },
  { presented: 'unknownCa', client: refused('unknownCa', 'unknown_ca') },
  { presented: 'otherHost', client: refused('otherHost', 'certificate_name_mismatch') },
];

playAll('A client that verifies openssl s_server', [
  ...OF_OPENSSL.map(
    ({ presented, client }): Scenario => ({
      name: presented,
      needs: 'openssl',
      play: stage => visitOpenssl(stage, presented, ['-www'], leaveAtOnce, stage.client()),
      client,
    }),
  ),
  {
    name: 'that demands a certificate: none',
    needs: 'openssl',
    play: stage => visitOpenssl(stage, 'good', ['-www', '-Verify', '1'], leaveAtOnce, stage.client()),
    client: toldOrTold('handshake_failure', 'certificate_required'),
  },
  {
    name: 'that demands a certificate: one of an unknown authority',
    needs: 'openssl',
    play: stage =>
      visitOpenssl(
        stage,
        'good',
        ['-www', '-Verify', '1', '-verify_return_error'],
        () => {},
        stage.client('unknownCa'),
      ),
    client: toldOrTold('unknown_ca', 'unknown_ca'),
  },
  {
    name: 'that demands a certificate: an expired one',
    needs: 'openssl',
    play: stage =>
      visitOpenssl(stage, 'good', ['-www', '-Verify', '1', '-verify_return_error'], () => {}, stage.client('expired')),
    client: toldOrTold('certificate_expired', 'certificate_expired'),
  },
  {
    name: 'that demands a certificate: one without its key',
    needs: 'openssl',
    play: stage => visitOpenssl(stage, 'good', ['-www', '-Verify', '1'], () => {}, stage.client('stolen')),
    client: toldOrTold('decrypt_error', 'decrypt_error'),
  },
]);

/** A server whose own certificate is weak must lower its own guard before it may present it. */
function presenting(stage: Stage, presented: Presented): tls.TlsOptions {
  return { ...stage.server(presented), ciphers: 'DEFAULT@SECLEVEL=0' };
}

function refused(presented: Presented, reason: FailureReason): Expected {
  return failed(reason, 'us', 'certificate', {
    certificate: `server.${presented}`,
    verification: distrusted(reason),
  });
}

/**
 * What our server learns of a Node client that refuses its certificate: nothing in TLS 1.2, where the handshake was over
 * for it; in TLS 1.3 that the client went away.
 */
function leftByNode({ tls: version }: Stage): Expected {
  return version === '1.2'
    ? established()
    : failed('connection_closed', 'peer', 'certificate', { verification: NOT_REQUESTED });
}

/** The alert in TLS 1.2, and the one in TLS 1.3: within the handshake, and after it. */
function toldOrTold(first: FailureReason, second: FailureReason) {
  return ({ tls: version }: Stage): Expected =>
    version === '1.2'
      ? failed(first, 'peer', 'certificate', { certificate: 'server.good', alert: first })
      : established({
          certificate: 'server.good',
          refusal: { reason: second, decidedBy: 'peer', phase: 'post_handshake', alert: second },
        });
}

/** The exception is the application's own, and goes where those go: mocha must not take it for the test's. */
async function crashingCheck(stage: Stage): Promise<void> {
  const mochas = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const crashed = new Promise(resolve => process.once('uncaughtException', resolve));
  try {
    const port = await stage.listen(greeter(stage.server()));
    await visit({
      port,
      ...stage.client(),
      checkServerIdentity: () => {
        throw new Error('the application has a fault');
      },
    });
    await crashed;
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of mochas) process.on('uncaughtException', listener);
  }
}

async function destroyedByCheck(stage: Stage, check: (socket: tls.TLSSocket) => Error | undefined): Promise<void> {
  const port = await stage.listen(greeter(stage.server()));
  let socket: tls.TLSSocket | undefined;
  await visit({ port, ...stage.client(), checkServerIdentity: () => check(socket!) }, made => {
    socket = made;
  });
}

function leaveAtOnce(socket: tls.TLSSocket): void {
  socket.on('secureConnect', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
}

async function visitOpenssl(
  stage: Stage,
  presented: Presented,
  args: readonly string[],
  prepare: (socket: tls.TLSSocket) => unknown,
  options: tls.ConnectionOptions,
): Promise<void> {
  const { certificate, chain, key } = stage.certificates.server[presented];
  const root = stage.certificates.root.certificate;
  await withFiles({ certificate, chain, key, root }, async paths => {
    const version = stage.tls === '1.2' ? '-tls1_2' : '-tls1_3';
    const own = ['-cert', paths.certificate, '-cert_chain', paths.chain, '-key', paths.key, '-CAfile', paths.root];
    const { port, peer } = await opensslServer([version, ...own, ...args]);
    try {
      await goneBy(await visitedBy(port, options, prepare));
    } finally {
      await peer.stop();
    }
  });
}

async function visitedBy(
  port: number,
  options: tls.ConnectionOptions,
  prepare: (socket: tls.TLSSocket) => unknown,
): Promise<tls.TLSSocket> {
  let visitor: tls.TLSSocket | undefined;
  await visit({ port, ...options }, socket => {
    visitor = socket;
    prepare(socket);
  });
  return visitor!;
}

import * as tls from 'node:tls';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import { curl, opensslClient, pkcs12, withFiles } from '../support/external-peer';
import { http2Server, httpsServer, visitHttp2, visitHttps } from '../support/http-visits';
import {
  before24,
  distrusted,
  type Expected,
  established,
  failed,
  from24,
  NOT_PRESENTED,
  playAll,
  refusedWithoutAWord,
  type Scenario,
  type Stage,
  tolerated,
  verification,
} from '../support/scenario';
import type { Presented } from '../support/scenario-certificates';
import { greeter, visit } from '../support/tls-pair';

/** What a client may present to a server that trusts the root, and what that server finds wrong with it. */
interface Row {
  readonly presented: Presented;
  /** What is reported. Absent: nothing is wrong. */
  readonly reason?: FailureReason;
  /** Everything that is wrong, where it is more than the reason. */
  readonly errors?: FailureReason[];
  readonly on?: Scenario['on'];
}

const PRESENTED: readonly Row[] = [
  { presented: 'good' },
  { presented: 'viaIntermediate' },
  { presented: 'agreementOnly' },
  { presented: 'rsa2048' },
  { presented: 'rsa1024', on: before24 },
  { presented: 'spiffe' },
  { presented: 'unicode' },
  { presented: 'huge' },
  { presented: 'commonNameOnly' },
  { presented: 'expired', reason: 'certificate_expired' },
  { presented: 'notYetValid', reason: 'certificate_not_yet_valid' },
  { presented: 'selfSigned', reason: 'self_signed_certificate' },
  { presented: 'unknownCa', reason: 'unknown_ca' },
  { presented: 'unknownCaWithRoot', reason: 'untrusted_root' },
  { presented: 'expiredOfUnknownCa', reason: 'unknown_ca', errors: ['unknown_ca', 'certificate_expired'] },
  { presented: 'missingIntermediate', reason: 'unknown_ca' },
  { presented: 'expiredIntermediate', reason: 'certificate_expired' },
  { presented: 'wrongPurpose', reason: 'certificate_purpose_invalid' },
  { presented: 'enciphermentOnly', reason: 'certificate_purpose_invalid' },
  { presented: 'issuerNotACa', reason: 'certificate_purpose_invalid' },
  { presented: 'pathTooLong', reason: 'certificate_chain_too_long' },
  { presented: 'outsideConstraints', reason: 'name_constraint_violation' },
  { presented: 'unknownCriticalExtension', reason: 'certificate_extension_invalid' },
  { presented: 'sha1', reason: 'certificate_weak_crypto' },
  { presented: 'rsa1024', reason: 'certificate_weak_crypto', on: from24 },
  { presented: 'tampered', reason: 'certificate_signature_invalid' },
  { presented: 'forgedSignature', reason: 'certificate_signature_invalid' },
  { presented: 'forged', reason: 'certificate_issuer_forged', errors: ['certificate_issuer_forged', 'unknown_ca'] },
  {
    presented: 'forgedWithRoot',
    reason: 'certificate_issuer_forged',
    errors: ['certificate_issuer_forged', 'untrusted_root'],
  },
];

playAll('A server that demands a certificate', [
  ...PRESENTED.map(
    ({ presented, reason, errors, on }): Scenario => ({
      name: reason ? `refuses ${presented}: ${reason}` : `accepts ${presented}`,
      on,
      play: stage => stage.meet(stage.mutual(), presenting(stage, presented)),
      server: reason
        ? refused(presented, reason, errors)
        : established({ certificate: `client.${presented}`, serverName: 'localhost' }),
      client: reason ? refusedWithoutAWord : established({ certificate: 'server.good' }),
    }),
  ),
  {
    name: 'reports the whole chain of a certificate it refuses',
    play: stage => stage.meet(stage.mutual(), stage.client('expiredIntermediate')),
    server: { ...refused('expiredIntermediate', 'certificate_expired'), chainLength: 2 },
    client: refusedWithoutAWord,
  },
  {
    name: 'refuses a client without one',
    play: stage => stage.meet(stage.mutual(), stage.client()),
    server: failed('certificate_required', 'us', 'certificate', { verification: NOT_PRESENTED }),
    client: certificateRequired,
  },
  {
    name: 'refuses a client that cannot prove that the certificate is its own',
    play: stage => stage.meet(stage.mutual(), stage.client('stolen')),
    server: failed('decrypt_error', 'us', 'certificate', { certificate: 'client.stolen' }),
    client: toldAfterwards('decrypt_error', 'decrypt_error', 'certificate'),
  },
  {
    name: 'refuses a key of 1024 bits at security level 2',
    play: stage => stage.meet({ ...stage.mutual(), ciphers: 'DEFAULT@SECLEVEL=2' }, presenting(stage, 'rsa1024')),
    server: refused('rsa1024', 'certificate_weak_crypto'),
    client: refusedWithoutAWord,
  },
  {
    name: 'refuses a SHA-1 signature at security level 2',
    play: stage => stage.meet({ ...stage.mutual(), ciphers: 'DEFAULT@SECLEVEL=2' }, presenting(stage, 'sha1')),
    server: refused('sha1', 'certificate_weak_crypto'),
    client: refusedWithoutAWord,
  },
  {
    name: 'accepts a SHA-1 signature at security level 0',
    play: stage => stage.meet({ ...stage.mutual(), ciphers: 'DEFAULT@SECLEVEL=0' }, presenting(stage, 'sha1')),
    server: established({ certificate: 'client.sha1' }),
    client: established({ certificate: 'server.good' }),
  },
]);

/** Which revocation list the server has, whom it meets with it, and what it finds. */
const REVOCATION: ReadonlyArray<Row & { crl: 'crl' | 'expiredCrl' | 'foreignCrl' }> = [
  { crl: 'crl', presented: 'good' },
  { crl: 'crl', presented: 'revoked', reason: 'certificate_revoked' },
  { crl: 'crl', presented: 'expired', reason: 'certificate_expired' },
  { crl: 'expiredCrl', presented: 'good', reason: 'revocation_data_expired' },
  { crl: 'foreignCrl', presented: 'good', reason: 'revocation_unavailable' },
  { crl: 'foreignCrl', presented: 'viaIntermediate', reason: 'revocation_unavailable' },
  // OpenSSL keeps the last thing it finds wrong with a chain: here always that there is no list.
  {
    crl: 'crl',
    presented: 'selfSigned',
    reason: 'self_signed_certificate',
    errors: ['self_signed_certificate', 'revocation_unavailable'],
  },
  {
    crl: 'crl',
    presented: 'unknownCaWithRoot',
    reason: 'unknown_ca',
    errors: ['unknown_ca', 'revocation_unavailable'],
  },
  { crl: 'crl', presented: 'unknownCa', reason: 'unknown_ca' },
];

playAll('A server with a revocation list', [
  ...REVOCATION.map(
    ({ crl, presented, reason, errors }): Scenario => ({
      name: `(${crl}) ${reason ? `refuses ${presented}: ${reason}` : `accepts ${presented}`}`,
      play: stage => stage.meet({ ...stage.mutual(), crl: stage.certificates[crl] }, presenting(stage, presented)),
      server: reason ? refused(presented, reason, errors) : established({ certificate: `client.${presented}` }),
      client: reason ? refusedWithoutAWord : established({ certificate: 'server.good' }),
    }),
  ),
]);

playAll('A server that asks for a certificate and lets everybody in', [
  ...PRESENTED.map(
    ({ presented, reason, errors, on }): Scenario => ({
      name: `meets ${presented}`,
      on,
      play: stage => stage.meet({ ...stage.mutual(), rejectUnauthorized: false }, presenting(stage, presented)),
      // What OpenSSL said stands alone: the chain is looked at only where the handshake failed.
      server: established({
        certificate: `client.${presented}`,
        verification: reason ? tolerated(errors?.at(-1) ?? reason) : verification('ok', false),
      }),
      client: established({ certificate: 'server.good' }),
    }),
  ),
  {
    name: 'meets a client without one',
    play: stage => stage.meet({ ...stage.mutual(), rejectUnauthorized: false }, stage.client()),
    server: established({ verification: verification('not_presented', false) }),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'meets a client that cannot prove that the certificate is its own, and refuses even so',
    play: stage => stage.meet({ ...stage.mutual(), rejectUnauthorized: false }, stage.client('stolen')),
    server: failed('decrypt_error', 'us', 'certificate', {
      certificate: 'client.stolen',
      verification: verification('unverified', false),
    }),
    client: toldAfterwards('decrypt_error', 'decrypt_error', 'certificate'),
  },
  {
    name: 'does not ask, and sees none',
    play: stage => stage.meet(stage.server(), stage.client('good')),
    server: established(),
    client: established({ certificate: 'server.good' }),
  },
]);

/** The expired certificate is of an authority that is trusted, although `ca` does not have it. */
const ofItsOwnAuthority = failed('certificate_expired', 'us', 'certificate', {
  certificate: 'client.expiredOfUnknownCa',
  verification: distrusted('certificate_expired'),
});

playAll('A server that trusts other authorities than its ca says', [
  {
    name: 'for a name, by its SNICallback',
    play: stage =>
      stage.meet(
        { ...stage.mutual(), SNICallback: (_name, answer) => answer(null, tls.createSecureContext(ofStranger(stage))) },
        stage.client('expiredOfUnknownCa'),
      ),
    server: ofItsOwnAuthority,
    client: refusedWithoutAWord,
  },
  {
    name: 'for a name, by addContext',
    play: async stage => {
      const server = greeter(stage.mutual());
      server.addContext('localhost', ofStranger(stage));
      await visit({ port: await stage.listen(server), ...stage.client('expiredOfUnknownCa') });
    },
    server: ofItsOwnAuthority,
    client: refusedWithoutAWord,
  },
  {
    name: 'by those within its PKCS #12',
    needs: 'openssl',
    play: async stage => {
      const { key, certificate } = stage.certificates.server.good;
      const pfx = await pkcs12({ key, certificate, authority: stage.certificates.stranger.certificate });
      const { ca } = stage.server();
      await stage.meet({ pfx, passphrase: 'secret', ca, requestCert: true }, stage.client('expiredOfUnknownCa'));
    },
    server: ofItsOwnAuthority,
    client: refusedWithoutAWord,
  },
]);

/** The same decisions on the servers of Node's own HTTP modules, by their own clients. */
const HTTP_SERVERS: ReadonlyArray<{
  readonly kind: string;
  readonly visit: (stage: Stage, presented: Presented | undefined) => Promise<unknown>;
}> = [
  {
    kind: 'https',
    visit: async (stage, presented) =>
      visitHttps(await stage.listen(httpsServer(stage.mutual())), stage.client(presented)),
  },
  {
    kind: 'http2',
    visit: async (stage, presented) =>
      visitHttp2(await stage.listen(http2Server(stage.mutual())), stage.client(presented)),
  },
  {
    kind: 'http2 that allows HTTP/1',
    visit: async (stage, presented) =>
      visitHttp2(await stage.listen(http2Server({ ...stage.mutual(), allowHTTP1: true })), stage.client(presented)),
  },
  {
    kind: 'http2 with a listener for client errors',
    visit: async (stage, presented) => {
      const server = http2Server(stage.mutual()).on('clientError', (_error, socket) => socket.destroy());
      return visitHttp2(await stage.listen(server), stage.client(presented));
    },
  },
];

for (const { kind, visit } of HTTP_SERVERS) {
  playAll(`A server of ${kind} that demands a certificate`, [
    {
      name: 'accepts a good one',
      play: stage => visit(stage, 'good'),
      server: established({ certificate: 'client.good' }),
      client: established({ certificate: 'server.good' }),
    },
    {
      name: 'refuses an expired one',
      play: stage => visit(stage, 'expired'),
      server: refused('expired', 'certificate_expired'),
      client: refusedWithoutAWord,
    },
    {
      name: 'refuses a client without one',
      play: stage => visit(stage, undefined),
      server: failed('certificate_required', 'us', 'certificate', { verification: NOT_PRESENTED }),
      client: certificateRequired,
    },
  ]);
}

/** What other programs present, as the server sees it: their side is not ours to report. */
const OF_OTHER_PROGRAMS: ReadonlyArray<{ presented: Presented | undefined; server: Expected }> = [
  { presented: 'good', server: established({ certificate: 'client.good' }) },
  { presented: 'expired', server: refused('expired', 'certificate_expired') },
  { presented: 'selfSigned', server: refused('selfSigned', 'self_signed_certificate') },
  { presented: 'unknownCa', server: refused('unknownCa', 'unknown_ca') },
  { presented: 'viaIntermediate', server: established({ certificate: 'client.viaIntermediate' }) },
  {
    presented: undefined,
    server: failed('certificate_required', 'us', 'certificate', { verification: NOT_PRESENTED }),
  },
];

playAll('A server that demands a certificate of openssl s_client', [
  ...OF_OTHER_PROGRAMS.map(
    ({ presented, server }): Scenario => ({
      name: presented ?? 'none',
      needs: 'openssl',
      play: async stage => {
        const port = await stage.listen(greeter(stage.mutual()));
        await presentedByOpenssl(stage, presented, args => opensslClient(port, args).finished);
      },
      server,
    }),
  ),
]);

playAll('An https server that demands a certificate of curl', [
  ...OF_OTHER_PROGRAMS.map(
    ({ presented, server }): Scenario => ({
      name: presented ?? 'none',
      needs: 'curl',
      play: async stage => {
        const port = await stage.listen(httpsServer(stage.mutual()));
        await presentedByCurl(stage, presented, args => curl(port, args).finished);
      },
      server,
    }),
  ),
]);

function ofStranger(stage: Stage): tls.SecureContextOptions {
  return { ...stage.server(), ca: stage.certificates.stranger.certificate };
}

/** A client whose own certificate is weak must lower its own guard before it may present it. */
function presenting(stage: Stage, presented: Presented): tls.ConnectionOptions {
  return { ...stage.client(presented), ciphers: 'DEFAULT@SECLEVEL=0' };
}

function refused(presented: Presented, reason: FailureReason, errors: FailureReason[] = [reason]): Expected {
  return failed(reason, 'us', 'certificate', {
    certificate: `client.${presented}`,
    verification: distrusted(...errors),
  });
}

/** TLS 1.2 has no word of its own for a missing certificate. */
function certificateRequired(stage: Stage): Expected {
  return stage.tls === '1.2'
    ? toldAfterwards('handshake_failure', 'handshake_failure', 'certificate')(stage)
    : toldAfterwards('certificate_required', 'certificate_required', 'certificate')(stage);
}

/** An alert that reaches a TLS 1.2 client within its handshake, and a TLS 1.3 client after it. */
function toldAfterwards(reason: FailureReason, alert: string, phase: 'certificate' | 'negotiation') {
  return ({ tls: version }: Stage): Expected =>
    version === '1.2'
      ? failed(reason, 'peer', phase, { alert, certificate: 'server.good' })
      : established({
          certificate: 'server.good',
          refusal: { reason, decidedBy: 'peer', phase: 'post_handshake', alert },
        });
}

async function presentedByOpenssl(
  stage: Stage,
  presented: Presented | undefined,
  run: (args: string[]) => Promise<unknown>,
): Promise<void> {
  const version = stage.tls === '1.2' ? '-tls1_2' : '-tls1_3';
  if (presented === undefined) return void (await run([version]));
  const { chain, certificate, key } = stage.certificates.client[presented];
  await withFiles({ certificate, chain, key }, paths =>
    run([version, '-cert', paths.certificate, '-cert_chain', paths.chain, '-key', paths.key]),
  );
}

async function presentedByCurl(
  stage: Stage,
  presented: Presented | undefined,
  run: (args: string[]) => Promise<unknown>,
): Promise<void> {
  const { chain, key } = stage.certificates.client[presented ?? 'good'];
  await withFiles({ root: stage.certificates.root.certificate, chain, key }, paths =>
    run([
      ...['--cacert', paths.root, `--tlsv${stage.tls}`, '--tls-max', stage.tls],
      ...(presented === undefined ? [] : ['--cert', paths.chain, '--key', paths.key]),
    ]),
  );
}

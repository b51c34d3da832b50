/** What a ClientHello is made of, by the numbers that the fingerprints are made of too. */
export interface HelloParts {
  readonly version?: number;
  readonly ciphers: readonly number[];
  /** Extensions with their content, in order. Undefined: the message ends before them. */
  readonly extensions?: ReadonlyArray<readonly [number, Uint8Array]> | undefined;
}

const EMPTY = Buffer.alloc(0);

/** A list of two-byte numbers behind its length of `lengthSize` bytes. */
export function listOf(numbers: readonly number[], lengthSize = 2): Buffer {
  return counted(lengthSize, Buffer.concat(numbers.map(number => bigEndian(number, 2))));
}

export function serverName(name: string): Buffer {
  return counted(2, Buffer.concat([Buffer.from([0]), counted(2, Buffer.from(name))]));
}

export function protocols(...names: readonly (string | Buffer)[]): Buffer {
  return counted(2, Buffer.concat(names.map(name => counted(1, Buffer.from(name as Buffer)))));
}

/** The handshake message with its header (RFC 8446 section 4.1.2). */
export function helloMessage({ version = 0x0303, ciphers, extensions }: HelloParts): Buffer {
  const body = Buffer.concat([
    bigEndian(version, 2),
    Buffer.alloc(32, 7),
    counted(1, EMPTY),
    listOf(ciphers),
    counted(1, Buffer.from([0])),
    extensions === undefined
      ? EMPTY
      : counted(2, Buffer.concat(extensions.map(([id, data]) => Buffer.concat([bigEndian(id, 2), counted(2, data)])))),
  ]);
  return Buffer.concat([Buffer.from([1]), counted(3, body)]);
}

/** In records of at most so many bytes of the message. */
export function inRecords(message: Buffer, size = 0x4000): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    records.push(Buffer.from([22, 3, 1]), counted(2, message.subarray(at, at + size)));
  }
  return Buffer.concat(records);
}

function counted(size: number, content: Uint8Array): Buffer {
  return Buffer.concat([bigEndian(content.length, size), content]);
}

function bigEndian(number: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(number, 0, size);
  return bytes;
}

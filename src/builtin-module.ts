import type * as http from 'node:http';
import type * as https from 'node:https';
import * as Module from 'node:module';
import type * as net from 'node:net';
import type * as tls from 'node:tls';

interface Builtins {
  'node:net': typeof net;
  'node:http': typeof http;
  'node:https': typeof https;
  'node:tls': typeof tls;
}

/**
 * A module of Node's own, past everybody who waits for the application to require it. `require` is not that way, nor is
 * `process.getBuiltinModule`: require-in-the-middle stands around both, asks the instrumentations that exist by then, and
 * never asks again: one that is made after us would wait in vain. One that was made before us would be switched on by us, in
 * an application that never requires the module itself. Tried with 8.0.1.
 */
export function builtinModule<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  const { _load: load } = Module as unknown as {
    _load?: (request: string, parent: undefined, isMain: false) => unknown;
  };
  return (load ? load(name, undefined, false) : require(name)) as Builtins[Name];
}

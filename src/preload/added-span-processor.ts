import type { TlsPeerSpanProcessor } from '../identity/peer-span-processor';

/** Both lines of the SDK keep their processors like this. */
interface SdkTracerProvider {
  readonly _activeSpanProcessor?: { readonly _spanProcessors?: unknown };
}

/**
 * One more processor for an SDK that runs already. NodeSDK makes those that the environment asks for only when it is given
 * none, and has no way to add one. Where an SDK keeps them otherwise nothing happens: requests over HTTP/2 lack their peer.
 * Tried with SDK 2.12 and 3.1.
 */
export function addSpanProcessor(provider: object, make: () => TlsPeerSpanProcessor): void {
  const processors = (provider as SdkTracerProvider)._activeSpanProcessor?._spanProcessors;
  if (Array.isArray(processors) && !Object.isFrozen(processors)) processors.unshift(make());
}

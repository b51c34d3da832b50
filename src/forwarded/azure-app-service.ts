import { base64Der } from './certificate-encodings';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { UNVERIFIED } from './verdicts';

/**
 * Azure App Service, and IIS with Application Request Routing: the leaf in bare base64. Nobody verifies it; the
 * application is meant to. The front end removes what a client sends under this name.
 *
 * Application Gateway can be told to write PEM into the same header, which is not read here: see azure-app-gateway.ts.
 */
// Azure App Service, "Set up TLS mutual authentication". Last checked 2026-11-22.
export const azureAppService = {
  id: 'azure-app-service',
  headers: { 'x-arr-clientcert': 'claim' },
  read: (fields: HeaderFields): Claim => ({
    leaf: fields.certificate('x-arr-clientcert', base64Der),
    verification: UNVERIFIED,
  }),
} as const satisfies Format;
